/** Writes docs/reference/openapi.json: `npm run generate:openapi`. */
import { writeFile } from 'node:fs/promises'
import { createOpenApiText, openApiFile } from './api-document.ts'

await writeFile(new URL(`../${openApiFile}`, import.meta.url), await createOpenApiText())
