import { decodeText } from '../text/encoding.ts'
import { escapeXml, readRelations } from './xml.ts'
import type { Entries } from './zip.ts'

/** A file put into the text of a document, by the id of a relation (ECMA-376, 17.17.2). */
const CHUNK =
  /<w:altChunk\s[^<>]{0,1000}?\bid="([^"<>]{1,200})"[^<>]{0,1000}?(?:\/>|>.{0,2000}?<\/w:altChunk>)/gs
/** Its place in what the converter makes of the text. */
const PLACE = /\ue000chunk:([^\ue000]{1,200})\ue000/g
const BODY = /<body(?:\s[^<>]{0,2000})?>/i
const MAIL = /^(?:mime-version|content-type|from|date|subject|message-id):/im
const HEAD_BYTES = 1000
/** Documents inside documents. */
const MAX_DEPTH = 3

/** Names that such a file may have. */
export const CHUNK_NAME = /^(?!.{0,1000}\/embeddings\/).{1,1000}\.(?:x?html?|mht|mhtml|txt|rtf|docx|docm)$/i

/** The text of a Word document with the places of other files in it marked. */
export function markChunks(xml: string): string {
  return xml.replace(CHUNK, '<w:p><w:r><w:t>\ue000chunk:$1\ue000</w:t></w:r></w:p>')
}

export interface ChunkReading {
  readonly entries: Entries
  /** The part of the text that has the places. */
  readonly part: string
  /** How many documents are around this one. */
  readonly depth: number
  /** Makes HTML of a Word document. */
  readonly convert: (bytes: Uint8Array, depth: number) => Promise<string>
}

/** Puts files that a document has inside of its text into their places: HTML, saved pages, Word documents, RTF and plain text. */
export async function placeChunks(html: string, reading: ChunkReading): Promise<string> {
  const places = [...html.matchAll(PLACE)]
  if (places.length === 0) return html
  const relations = readRelations(reading.entries, reading.part)
  const chunks = new Map<string, string>()
  for (const [, id = ''] of places) {
    const bytes = reading.entries.get(relations.get(id) ?? '')
    if (bytes !== undefined && !chunks.has(id)) chunks.set(id, await readChunk(bytes, reading))
  }
  return html.replace(PLACE, (_place, id: string) => chunks.get(id) ?? '')
}

async function readChunk(bytes: Buffer, { depth, convert }: ChunkReading): Promise<string> {
  const head = bytes.subarray(0, HEAD_BYTES).toString('latin1')
  if (head.startsWith('PK')) return depth < MAX_DEPTH ? convert(bytes, depth + 1) : ''
  if (head.startsWith('{\\rtf')) return toHtml(bytes)
  if (MAIL.test(head.split(/<html/i, 1)[0] ?? '')) return readSavedPage(bytes)
  const { text } = decodeText(bytes, { isMarkup: true })
  if (/<\w/.test(text)) return toBody(text)
  return `<p>${escapeXml(text).replace(/\n\s*\n/g, '</p><p>')}</p>`
}

function toBody(html: string): string {
  const start = BODY.exec(html)
  const end = Math.max(html.lastIndexOf('</body'), html.lastIndexOf('</BODY'))
  return html.slice(start === null ? 0 : start.index + start[0].length, end < 0 ? undefined : end)
}

async function readSavedPage(bytes: Buffer): Promise<string> {
  const { default: PostalMime } = await import('postal-mime')
  return toBody((await PostalMime.parse(bytes)).html ?? '')
}

async function toHtml(bytes: Buffer): Promise<string> {
  const { readRtf } = await import('../text/rtf.ts')
  const elements = readRtf(bytes).sections.flatMap(({ heading, paragraphs }) => [
    ...(heading === null ? [] : [`<h2>${escapeXml(heading)}</h2>`]),
    ...paragraphs.map(({ text }) => `<p>${escapeXml(text)}</p>`),
  ])
  return elements.join('')
}
