import { Readability } from '@mozilla/readability'
import { decodeText } from '../text/encoding.ts'
import { SectionBuilder, type AboutDocument, type SourceDocument } from '../document.ts'
import { readBlocks } from './blocks.ts'
import { limitDepth } from './limit-depth.ts'
import { describePage, type Page, type PageElement } from './page.ts'

/** Reads a web page: the article that Readability finds in it, by its headings. */
export function readHtml(bytes: Uint8Array, charset: string | null = null): SourceDocument {
  const { text: decoded, warnings: found } = decodeText(bytes, { charset, isMarkup: true })
  const { html: text, isCut } = limitDepth(decoded)
  const page = describePage(toPage(text))
  const pageTitle = page.querySelector('title')?.textContent ?? null
  const canonicalUrl = toCanonical(page)
  const article = findArticle(page)
  const warnings = [
    ...found,
    ...(isCutOff(text) ? ['The page ends in the middle: a part of the text may be missing.'] : []),
    ...(isCut ? [TOO_DEEP] : []),
    ...(article === null ? ['No article was found in the page; all of its text was read.'] : []),
  ]
  const builder = new SectionBuilder()
  const root = article === null ? findText(text) : toBody(article.content ?? '')
  if (root !== null) readBlocks(root, builder)
  const title = (article?.title ?? pageTitle)?.replace(/\s+/g, ' ').trim() || null
  const about = {
    ...optional('author', article?.byline),
    ...optional('published', article?.publishedTime),
    ...optional('publisher', article?.siteName),
    ...optional('canonicalUrl', canonicalUrl),
  }
  return { title, sections: builder.build(), pages: null, warnings, about }
}

const TOO_DEEP =
  'The page has elements inside each other more deeply than is read: their text was read without its structure.'

/** Readability takes a heading for the title again when it has the same words; texts without spaces are one word of letters. */
class ArticleFinder extends Readability {
  _textSimilarity(title: string, heading: string): number {
    const wordsOf = (text: string) => new Set(text.toLowerCase().match(/\p{Script=Han}|[\p{L}\p{N}]+/gu))
    const [known, words] = [wordsOf(title), wordsOf(heading)]
    if (known.size === 0 || words.size === 0) return 0
    return 1 - words.difference(known).size / words.size
  }
}

/** null: there is none, or its elements are in such disorder that Readability fails. */
function findArticle(page: Page) {
  const readable = page as unknown as ConstructorParameters<typeof Readability>[0]
  try {
    return new ArticleFinder(readable, { keepClasses: true }).parse()
  } catch {
    return null
  }
}

/** All of a page, which the search for an article may have changed. */
function findText(text: string): PageElement | null {
  const page = describePage(toPage(text))
  return /\S/.test(page.body?.textContent ?? '') ? page.body : page
}

function toBody(html: string): PageElement | null {
  return describePage(`<html><body>${html}</body></html>`).body
}

/** A page as linkedom reads one: a fragment, or text without markup, has no element around it. */
function toPage(text: string): string {
  if (!/<html[\s>]/i.test(text)) return `<html><body>${text}</body></html>`
  // All of it may be in a comment that does not end: then there is no page, and no text.
  return describePage(text).querySelector('html') === null ? NOTHING : text
}
const NOTHING = '<html><body></body></html>'

/** Whether a page ends inside a tag or a comment, or begins a body that it does not end. */
function isCutOff(text: string): boolean {
  const isOpen = (start: string, end: string) => text.lastIndexOf(start) > text.lastIndexOf(end)
  if (isOpen('<', '>') || isOpen('<!--', '-->')) return /<(?:html|body)[\s>]/i.test(text)
  return /<body[\s>]/i.test(text) && !/<\/(?:body|html)\s{0,20}>/i.test(text)
}

/** Reads markup that is all text, such as a converter makes; gives the heading that it begins with. */
export function readMarkup(html: string, builder: SectionBuilder): string | null {
  const body = toBody(limitDepth(html).html)
  if (body === null) return null
  readBlocks(body, builder)
  const [first] = body.children
  return first?.tagName === 'H1' ? first.textContent?.replace(/\s+/g, ' ').trim() || null : null
}

/** The address that a page gives for itself, when it is one of the web. */
function toCanonical(page: Page): string | null {
  const link = page.querySelector('link[rel="canonical"]')?.getAttribute('href')
  const address = link ?? page.querySelector('meta[property="og:url"]')?.getAttribute('content') ?? ''
  if (!URL.canParse(address)) return null
  const { protocol, href } = new URL(address)
  return /^https?:$/.test(protocol) ? href : null
}

const MAX_SAID_CHARS = 300

function optional(
  name: Exclude<keyof AboutDocument, 'recognised'>,
  value: string | null | undefined,
): AboutDocument {
  const text = value?.replace(/\s+/g, ' ').trim() ?? ''
  return text === '' ? {} : { [name]: text.slice(0, MAX_SAID_CHARS) }
}
