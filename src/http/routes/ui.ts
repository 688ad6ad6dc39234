import { readdirSync, readFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { extname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { brotliCompressSync, constants } from 'node:zlib'
import type { App } from '../deps.ts'
import { readPrefix } from '../gate/base-path.ts'
import { NO_SUCH_ROUTE } from '../problem/not-found.ts'
import { sendProblem } from '../problem/problem.ts'

/** Where the build puts the page; beside `dist/` of the package and of a checkout alike. */
const FOLDER = fileURLToPath(new URL('../../../dist/web/', import.meta.url))
const INDEX = 'index.html'
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Scripts and styles of this server alone, and no text that becomes script. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
/** Prefixes that proxies name, whose pages are kept. */
const MAX_PAGES = 16
const BEGINS_WITH_HASH = /^assets\//
const FOREVER = 'public, max-age=31536000, immutable'
const REVALIDATE = 'no-cache'

interface PageFile {
  readonly type: string
  readonly bytes: Buffer
  readonly etag: string
  /** Made when it is first asked for. */
  readonly compressed: () => Buffer
}

/** The dashboard at `/ui/`: files that were built, read once, when they are first asked for, and sent by exact name. */
export function uiRoutes(app: App): void {
  const pages = new Map<string, PageFile>()
  let read: ReadonlyMap<string, PageFile> | null = null
  const find = (name: string): PageFile | undefined => {
    const files = read ?? readFiles(FOLDER)
    // A folder without the page is not built yet, or is being written: the next request reads it again.
    if (files.has(INDEX)) read = files
    return files.get(name)
  }
  const pageFor = (request: FastifyRequest): PageFile | undefined => {
    const prefix = readPrefix(request)
    const known = pages.get(prefix)
    const index = known ?? find(INDEX)
    if (known !== undefined || index === undefined) return known
    const page = toFile(INDEX, Buffer.from(placePage(index.bytes.toString(), prefix)))
    if (pages.size >= MAX_PAGES) pages.clear()
    pages.set(prefix, page)
    return page
  }
  const config = { gate: { isPublic: true } }
  const send = (request: FastifyRequest, reply: FastifyReply, name: string) => {
    const isPage = name === INDEX || extname(name) === ''
    const found = isPage ? pageFor(request) : find(name)
    if (found === undefined) return sendProblem(reply, 'not-found', { detail: NOT_BUILT })
    return sendFile(request, reply, { ...found, isForever: BEGINS_WITH_HASH.test(name) })
  }
  const toPage = (request: FastifyRequest, reply: FastifyReply) =>
    reply.redirect(`${readPrefix(request)}/ui/`, 302)
  app.get('/ui', { config }, (request, reply) =>
    isFolder(request) ? send(request, reply, INDEX) : toPage(request, reply),
  )
  app.get('/ui/*', { config }, (request, reply) =>
    send(request, reply, (request.params as { '*': string })['*']),
  )
  // What a host has at the top of the plugin's prefix is its own affair.
  if (app.prefix !== '') return
  app.get('/', { config }, (request, reply) => {
    const isPage = request.headers.accept?.includes('text/html') === true
    return isPage ? toPage(request, reply) : sendProblem(reply, 'not-found', { detail: NO_SUCH_ROUTE })
  })
}

/** A host that ignores trailing slashes has `/ui/` answered as `/ui`. */
const isFolder = ({ url }: FastifyRequest) => url.split('?', 1)[0]?.endsWith('/') === true

const NOT_BUILT = 'There is no such file of the page. In a checkout the page is made by: npm run build:web'

/** The files of a folder by their paths in it; none where it does not exist. Another fault of the disk is thrown. */
function readFiles(folder: string): ReadonlyMap<string, PageFile> {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
    const paths = entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
    return new Map(paths.map((path) => [relative(folder, path), toFile(path, readFileSync(path))]))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw error
  }
}

const QUALITY = { [constants.BROTLI_PARAM_QUALITY]: 9 }

function toFile(name: string, bytes: Buffer): PageFile {
  let compressed: Buffer | undefined
  return {
    type: TYPES[extname(name)] ?? 'application/octet-stream',
    bytes,
    compressed: () => (compressed ??= brotliCompressSync(bytes, { params: QUALITY })),
    etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 16)}"`,
  }
}

/** The page has its path in its addresses, so that it works at any depth and below any prefix. */
function placePage(html: string, prefix: string): string {
  return html
    .replaceAll(/(src|href)="\.\//g, `$1="${prefix}/ui/`)
    .replace('data-base=""', `data-base="${prefix}"`)
}

function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  { type, bytes, compressed, etag, isForever }: PageFile & { readonly isForever: boolean },
): FastifyReply {
  reply.headers({
    'content-type': type,
    'content-security-policy': POLICY,
    'cache-control': isForever ? FOREVER : REVALIDATE,
    etag,
    vary: 'accept-encoding',
  })
  if (request.headers['if-none-match'] === etag) return reply.code(304).send()
  const takesBrotli = /\bbr\b/.test(request.headers['accept-encoding'] ?? '')
  return takesBrotli ? reply.header('content-encoding', 'br').send(compressed()) : reply.send(bytes)
}
