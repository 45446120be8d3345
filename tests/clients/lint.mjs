// Holds the OpenAPI document, named as the argument, against redocly.yaml: the rules of the Redocly linter, without its
// command line, which would look for newer versions of itself.

import { formatProblems, getTotals, lint, loadConfig } from '@redocly/openapi-core';

const config = await loadConfig({ configPath: new URL('redocly.yaml', import.meta.url).pathname });
const problems = await lint({ ref: process.argv[2], config });
const totals = getTotals(problems);
formatProblems(problems, { format: 'codeframe', totals, version: 'lint' });
process.exitCode = totals.errors + totals.warnings > 0 ? 1 : 0;
