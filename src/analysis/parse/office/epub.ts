import { decodeText } from '../text/encoding.ts'
import { SectionBuilder, type AboutDocument, type SourceDocument } from '../document.ts'
import { readBlocks } from '../html/blocks.ts'
import { limitDepth } from '../html/limit-depth.ts'
import { describePage } from '../html/page.ts'
import { listElements, findFirst, resolvePath, parseXml, type XmlElement } from './xml.ts'
import { encrypted, openArchive, rejected } from './zip.ts'

const CONTAINER = 'META-INF/container.xml'
const ENCRYPTION = 'META-INF/encryption.xml'
const TEXTS = /\.(x?html?|opf|xml)$/i
/** Fonts may be hidden without hiding the text. */
const FONTS_ONLY = /idpf\.org\/2008\/embedding|ns\.adobe\.com\/pdf\/enc#RC/

/**
 * Reads an EPUB: its texts in the order of its spine, by their headings.
 *
 * @throws TaskError `encrypted_input` for one under a copy protection; else see `openArchive`.
 */
export async function readEpub(bytes: Uint8Array): Promise<SourceDocument> {
  const entries = await openArchive(bytes, (name) => TEXTS.test(name))
  const encryption = entries.get(ENCRYPTION)?.toString('utf8') ?? ''
  const methods = [...encryption.matchAll(/EncryptionMethod[^>]*Algorithm="([^"]*)"/g)].map(
    ([, method = '']) => method,
  )
  if (methods.some((method) => !FONTS_ONLY.test(method))) throw encrypted()

  const path = findFirst(parseXml(entries, CONTAINER), 'rootfile')?.getAttribute('full-path')
  if (path === null || path === undefined) throw rejected('its container names no book')
  const book = parseXml(entries, path)
  const folder = path.slice(0, path.lastIndexOf('/') + 1)
  const items = new Map(
    [...listElements(book, new Set(['item', 'opf:item']))].map((item) => {
      return [item.getAttribute('id'), resolvePath(folder, pathOf(item.getAttribute('href') ?? ''))]
    }),
  )
  const builder = new SectionBuilder()
  for (const itemref of listElements(book, new Set(['itemref', 'opf:itemref']))) {
    const text = entries.get(items.get(itemref.getAttribute('idref')) ?? '')
    const body =
      text === undefined
        ? null
        : describePage(limitDepth(decodeText(text, { isMarkup: true }).text).html).querySelector('body')
    if (body !== null) readBlocks(body, builder)
  }
  return {
    title: readMeta(book, 'dc:title') ?? null,
    sections: builder.build(),
    pages: null,
    warnings: [],
    about: readMetadata(book),
  }
}

/** An address as a path; a malformed one is used unchanged. */
function pathOf(href: string): string {
  try {
    return decodeURIComponent(href)
  } catch {
    return href
  }
}

function readMetadata(book: XmlElement): AboutDocument {
  const author = readMeta(book, 'dc:creator')
  const published = readMeta(book, 'dc:date')
  const publisher = readMeta(book, 'dc:publisher')
  return {
    ...(author === undefined ? {} : { author }),
    ...(published === undefined ? {} : { published }),
    ...(publisher === undefined ? {} : { publisher }),
  }
}

function readMeta(book: XmlElement, name: string): string | undefined {
  const text = findFirst(book, name)?.textContent?.replace(/\s+/g, ' ').trim()
  return text === '' ? undefined : text
}
