import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** The page that shows the API's description: Swagger UI, served by this process alone. */

const CSS = 'swagger-ui.css'
const BUNDLE = 'swagger-ui-bundle.js'
const START = 'start.js'

/** Scripts of this server only; Swagger UI writes styles into its elements. */
export const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

export function docsPage(prefix: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Headgate API</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="${prefix}/docs/${CSS}" />
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="${prefix}/docs/${BUNDLE}"></script>
    <script src="${prefix}/docs/${START}"></script>
  </body>
</html>
`
}

/** A file of the page and its media type; undefined when it has no such file. */
export async function docsFile(
  name: string,
  prefix: string,
): Promise<{ type: string; content: Buffer | string } | undefined> {
  switch (name) {
    case CSS:
      return { type: 'text/css; charset=utf-8', content: await readAsset(CSS) }
    case BUNDLE:
      return { type: 'text/javascript; charset=utf-8', content: await readAsset(BUNDLE) }
    case START: {
      const options = {
        url: `${prefix}/openapi.json`,
        dom_id: '#swagger-ui',
        deepLinking: true,
        validatorUrl: null,
      }
      return {
        type: 'text/javascript; charset=utf-8',
        content: `SwaggerUIBundle(${JSON.stringify(options)})\n`,
      }
    }
    default:
      return undefined
  }
}

/** Read once, and shared by all who ask: they are large. */
const assets = new Map<string, Promise<Buffer>>()

function readAsset(name: string): Promise<Buffer> {
  const known =
    assets.get(name) ?? readFile(fileURLToPath(import.meta.resolve(`@fastify/swagger-ui/static/${name}`)))
  assets.set(name, known)
  return known
}
