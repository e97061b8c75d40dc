/** The page docs/reference/problems.md, made from the catalog. */
import { problemCatalog, problemCodes } from './problem-catalog.ts'

/** The whole text. */
export function createProblemReference(): string {
  const rows = problemCodes.map((code) => {
    const { status, title, retry, explanation } = problemCatalog[code]
    return `| ${status} | \`${code}\` | \`${retry}\` | ${title}. ${explanation} |`
  })
  return `# Problems

<!-- Made from server/src/http/problem-catalog.ts by npm run generate:reference. -->

Every answer with status 4xx or 5xx is a problem document (RFC 9457) of type \`application/problem+json\` with the
members \`type\`, \`title\`, \`status\`, \`detail\`, \`code\`, \`request_id\` and \`retry\`. \`code\` is for programs: it never changes
its meaning or its status. \`retry\` is \`same_key\` (send the same request again with the same idempotency key),
\`new_key\` (change something first, and use a new key) or \`never\`. The running bank explains each code at
\`/problems/<code>\`.

| status | code | retry | what it means |
|---|---|---|---|
${rows.join('\n')}
`
}
