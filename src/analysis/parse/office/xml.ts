import { DOMParser } from 'linkedom'
import { rejected, type Entries } from './zip.ts'

/** The part of an XML document that is read here. Entities of a document's own are not unfolded, nothing is fetched. */
export interface XmlNode {
  /** With its prefix, e.g. `a:p`; `#text` for text. */
  readonly nodeName: string
  readonly textContent: string | null
  readonly childNodes: Iterable<XmlNode>
}
export interface XmlElement extends XmlNode {
  readonly parentNode: XmlElement | null
  getAttribute(name: string): string | null
  /** As markup. */
  toString(): string
}

/** @throws TaskError `input_rejected` when the entry is missing. */
export function parseXml(entries: Entries, name: string): XmlElement {
  const entry = entries.get(name)
  if (entry === undefined) throw rejected(`it has no ${name}`)
  return new DOMParser().parseFromString(entry.toString('utf8'), 'text/xml') as unknown as XmlElement
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

export function isElement(node: XmlNode): node is XmlElement {
  return !node.nodeName.startsWith('#')
}

/** Every element of these names below `node`, in order; what is inside of one is not searched again. */
export function* listElements(node: XmlNode, names: ReadonlySet<string>): Generator<XmlElement> {
  for (const child of node.childNodes) {
    if (!isElement(child)) continue
    if (names.has(child.nodeName)) yield child
    else yield* listElements(child, names)
  }
}

export function findFirst(node: XmlNode, name: string): XmlElement | undefined {
  return listElements(node, new Set([name])).next().value ?? undefined
}

/** What the relations of a part lead to, by their ids; `base` is the folder of the part. */
export function readRelations(entries: Entries, part: string): ReadonlyMap<string, string> {
  const folder = part.slice(0, part.lastIndexOf('/') + 1)
  const name = `${folder}_rels/${part.slice(folder.length)}.rels`
  if (!entries.has(name)) return new Map()
  const found = [...listElements(parseXml(entries, name), new Set(['Relationship']))]
  return new Map(
    found
      .filter((relation) => relation.getAttribute('TargetMode') !== 'External')
      .map((relation) => [
        relation.getAttribute('Id') ?? '',
        resolvePath(folder, relation.getAttribute('Target') ?? ''),
      ]),
  )
}

/** `ppt/slides/` and `../notes/1.xml` → `ppt/notes/1.xml`. */
export function resolvePath(folder: string, target: string): string {
  const path = target.startsWith('/') ? target.slice(1) : folder + target
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.' && part !== '') parts.push(part)
  }
  return parts.join('/')
}
