import { findFirst, listElements, parseXml, type XmlElement, type XmlNode } from '../office/xml.ts'
import type { RunningLine } from '../office/remarks.ts'
import type { Entries } from '../office/zip.ts'
import { readText, STYLES } from './open-document.ts'

const MASTERS = new Set(['style:master-page'])
const BLOCKS = new Set(['text:p', 'text:h', 'draw:frame', 'presentation:notes'])
const PARAGRAPHS = new Set(['text:p', 'text:h'])
const DECLARATIONS = new Set(['presentation:header-decl', 'presentation:footer-decl'])
const USES = ['presentation:use-header-name', 'presentation:use-footer-name']
/** What stands in the place of something else on a master page. */
const APPARATUS = new Set(['date-time', 'page-number'])

/** What the master pages of slides write on every slide, and the headers and footers that are declared for them. */
export function readMasterPages(
  entries: Entries,
  content: XmlNode,
  slides: readonly XmlElement[],
): RunningLine[] {
  const names = new Set(slides.map((slide) => slide.getAttribute('draw:master-page-name')))
  const masters = entries.has(STYLES) ? [...listElements(parseXml(entries, STYLES), MASTERS)] : []
  const written = masters
    .filter((master) => names.has(master.getAttribute('style:name')))
    .flatMap((master) => [...listElements(master, BLOCKS)].flatMap(listParagraphs))
  const used = new Set(slides.flatMap((slide) => USES.map((use) => slide.getAttribute(use))))
  const declared = [...listElements(content, DECLARATIONS)].filter((declaration) =>
    used.has(declaration.getAttribute('presentation:name')),
  )
  return [...written, ...declared].map((line) => ({
    text: readText(line),
    hasPageNumber: findFirst(line, 'text:page-number') !== undefined,
  }))
}

function listParagraphs(block: XmlElement): XmlElement[] {
  if (PARAGRAPHS.has(block.nodeName)) return [block]
  const isPlace =
    block.getAttribute('presentation:placeholder') === 'true' ||
    APPARATUS.has(block.getAttribute('presentation:class') ?? '')
  return isPlace || block.nodeName === 'presentation:notes' ? [] : [...listElements(block, PARAGRAPHS)]
}
