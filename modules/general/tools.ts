import type { Module } from 'tutti';
import { calculateMetrics } from './tools/calculate-metrics.ts';
import { generateReport } from './tools/generate-report.ts';
import { httpGet } from './tools/http-get.ts';
import { httpRequest } from './tools/http-request.ts';
import { jsonParse } from './tools/json-parse.ts';
import { jsonStringify } from './tools/json-stringify.ts';
import { listFiles } from './tools/list-files.ts';
import { postSlack } from './tools/post-slack.ts';
import { queryDatabase } from './tools/query-database.ts';
import { readFile } from './tools/read-file.ts';
import { scrapePage } from './tools/scrape-page.ts';
import { sendEmail } from './tools/send-email.ts';
import { validateCode } from './tools/validate-code.ts';
import { writeFile } from './tools/write-file.ts';

/** Every tool of the module, by name in alphabetical order. */
export const tools: Module['tools'] = [
  calculateMetrics,
  generateReport,
  httpGet,
  httpRequest,
  jsonParse,
  jsonStringify,
  listFiles,
  postSlack,
  queryDatabase,
  readFile,
  scrapePage,
  sendEmail,
  validateCode,
  writeFile,
];
