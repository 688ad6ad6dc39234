import { parseHTML } from 'linkedom'

/** The part of the DOM that is read here; the DOM's own types would make browser globals visible everywhere. */
export interface PageNode {
  readonly nodeType: number
  readonly textContent: string | null
}
export interface PageElement extends PageNode {
  readonly tagName: string
  readonly children: Iterable<PageElement>
  readonly childNodes: Iterable<PageNode>
  getAttribute(name: string): string | null
  querySelector(selector: string): PageElement | null
  querySelectorAll(selector: string): Iterable<PageElement>
  remove(): void
}
export interface Page extends PageElement {
  readonly body: PageElement | null
}

const ELEMENT = 1
const TEXT = 3

export function describePage(html: string): Page {
  return parseHTML(html).document as Page
}

export function isElement(node: PageNode): node is PageElement {
  return node.nodeType === ELEMENT
}

export function isText(node: PageNode): boolean {
  return node.nodeType === TEXT
}
