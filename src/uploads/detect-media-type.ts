import { isUtf8 } from 'node:buffer'
import { detectCompoundType } from './detect-compound-type.ts'
import { detectZipType } from './detect-zip-type.ts'
import { findEasternUtf16, findUtf16 } from './utf16.ts'

/** A file is recognised by this much of its beginning. */
export const HEAD_BYTES = 64 * 1024

/** Jupyter's name for its files. */
export const NOTEBOOK = 'application/x-ipynb+json'
const NOTEBOOK_MARK = /^\s*\{[\s\S]*"cells"\s*:\s*\[/

const PDF_MARK = '%PDF-'
/** Readers of PDF look for the mark this far into the file. */
const PDF_MARK_WITHIN = 1024
// A comment cannot hold its own end: with a lazy one a few hundred bytes would keep the event loop for hours.
const HTML_START =
  /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:[^-]|-(?!->))*-->\s*)*<(?:!doctype\s+html|html|head|body)[\s>]/i
/** A page without its frame. */
const HTML_FRAGMENT =
  /^\s*<(?:p|div|h[1-6]|ul|ol|dl|table|article|section|main|blockquote|pre)(?:\s[^<>]{0,500})?>/i
/** A heading, or a fence around code. */
const MARKDOWN_LINE = /^(?:#{1,6} \S|```)/gm
const MIN_MARKDOWN_LINES = 2
/** A document of OpenDocument in one XML file: its root names the media type. */
const FLAT_OPEN_DOCUMENT =
  /^\s*(?:<\?xml[^>]*>\s*)?<office:document\s[^>]*office:mimetype="application\/vnd\.oasis\.opendocument\.(text|spreadsheet|presentation)(?:-template)?"/
const MAIL_HEADERS = [
  'from',
  'date',
  'subject',
  'message-id',
  'mime-version',
  'received',
  'content-type',
  'return-path',
]
const MIN_MAIL_HEADERS = 3
const MAX_MAIL_HEAD = 16 * 1024
/** Control characters that plain text does not have; tab, line feed, form feed and return are text. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const BINARY_CHARS = /[\u0000-\u0008\u000e-\u001a\u001c-\u001f]/g
const MAX_BINARY_SHARE = 0.001
const ICON = 'image/x-icon'
/** Recognised by a few letters that a text may begin with too, such as "BM", "MZ" or "The wide". */
const BINARY = /^(?:image\/(?!svg)|audio\/|video\/|font\/|application\/x-msdownload$)/

/**
 * Detects what a file is by its content alone: a media type such as `application/pdf`, `text/html` or
 * `text/plain`; `application/octet-stream` when it is nothing known.
 */
export async function recognise(path: string, head: Buffer): Promise<string> {
  const { fileTypeFromFile } = await import('file-type')
  const found = await fileTypeFromFile(path)
  if (found?.mime === 'application/x-cfb') return (await detectCompoundType(path, head)) ?? found.mime
  if (found?.mime === 'application/zip') return (await detectZipType(path)) ?? found.mime
  const isMisread = found !== undefined && isMisreadAs(found.mime, head)
  if (found !== undefined && found.mime !== 'application/xml' && !isMisread) return found.mime
  if (head.subarray(0, PDF_MARK_WITHIN).includes(PDF_MARK)) return 'application/pdf'
  const text = decodeHead(head)
  if (text === undefined) return 'application/octet-stream'
  if (HTML_START.test(text) || isHtmlFragment(text)) return 'text/html'
  const flat = FLAT_OPEN_DOCUMENT.exec(text)?.[1]
  if (flat !== undefined) return `application/vnd.oasis.opendocument.${flat}-flat-xml`
  if (isMail(text)) return 'message/rfc822'
  // One that is cut parses no more: its reader says so.
  if (text.includes('"cell_type"') && NOTEBOOK_MARK.test(text)) return NOTEBOOK
  if (isJson(text)) return 'application/json'
  return isMisread ? 'text/plain' : (found?.mime ?? 'text/plain')
}

/** What a file in memory is by its marks alone: for what was inside of another file. */
export async function recogniseBytes(bytes: Uint8Array): Promise<string> {
  const { fileTypeFromBuffer } = await import('file-type')
  return (await fileTypeFromBuffer(bytes))?.mime ?? 'application/octet-stream'
}

/** Markdown may begin with markup too, as the centred title of a README; then it has its own headings and fences. */
function isHtmlFragment(text: string): boolean {
  if (!HTML_FRAGMENT.test(text) || !text.includes('</')) return false
  return (text.match(MARKDOWN_LINE)?.length ?? 0) < MIN_MARKDOWN_LINES
}

/** By a mark of a few bytes that other files begin with too: text, or an old spreadsheet (Lotus 1-2-3, Quattro Pro). */
function isMisreadAs(mime: string, head: Buffer): boolean {
  return (mime === ICON && !isIcon(head)) || (BINARY.test(mime) && isTextOfBytes(head))
}

/** The first picture of an icon begins right behind the list of its pictures, 16 bytes each. */
function isIcon(head: Buffer): boolean {
  return head.length >= 22 && head.readUInt32LE(18) === 6 + 16 * head.readUInt16LE(4)
}

/** A zero byte is in every picture; two bytes of one may look like a character of UTF-16. */
function isTextOfBytes(head: Buffer): boolean {
  return !head.includes(0) && decodeHead(head) !== undefined
}

/**
 * A mail, or a page that a browser saved as one (RFC 5322): it begins with lines that are named as those of mails, in a mailbox
 * (RFC 4155) behind a line of its own.
 */
function isMail(text: string): boolean {
  const [head = ''] = text
    .slice(0, MAX_MAIL_HEAD)
    .replace(/^From [^\r\n]{1,500}\r?\n/, '')
    .split(/\n\r?\n/, 1)
  const names = new Set(
    Array.from(head.matchAll(/^([a-z-]{2,40}):/gim), ([, name = '']) => name.toLowerCase()),
  )
  return (
    MAIL_HEADERS.filter((name) => names.has(name)).length >= MIN_MAIL_HEADERS && /^[a-z-]{2,40}:/i.test(head)
  )
}

/** Text may begin with `[[ or `{"` too: JSON is what parses, as far as the head goes, or line by line. */
function isJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch (error) {
    const { message } = error as SyntaxError
    const at = Number(/position (\d+)/.exec(message)?.[1] ?? Infinity)
    const isCut = text.length >= HEAD_BYTES && at >= text.length - 1
    return isCut || (/^\s*\{/.test(text) && message.includes('after JSON'))
  }
}

/** The beginning as text, read loosely; undefined when it holds what text does not. */
function decodeHead(head: Buffer): string | undefined {
  const wide = findWide(head)
  if (wide !== undefined) return new TextDecoder(wide).decode(head)
  const text = head.toString('latin1')
  const binary = text.match(BINARY_CHARS)?.length ?? 0
  return binary > text.length * MAX_BINARY_SHARE ? undefined : text.replace(/^\xef\xbb\xbf/u, '')
}

/** UTF-16, by its mark or by what it looks like. */
function findWide(head: Buffer): string | undefined {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be'
  return findUtf16(head) ?? (isUtf8(head) ? undefined : findEasternUtf16(head))
}
