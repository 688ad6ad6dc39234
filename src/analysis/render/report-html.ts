import MarkdownIt from 'markdown-it'
import sanitizeHtml from 'sanitize-html'
import type { Report } from '../report.ts'
import { findFrame } from './frame.ts'

/** Raw HTML in the Markdown stays text, and nothing is made a link that is not written as one. */
const markdown = new MarkdownIt({ html: false, linkify: false, typographer: false })

const CLEAN: sanitizeHtml.IOptions = {
  allowedTags:
    'h1 h2 h3 h4 h5 h6 p br hr ul ol li blockquote strong em s code pre table thead tbody tr th td a'.split(
      ' ',
    ),
  allowedAttributes: { a: ['href'], th: ['style'], td: ['style'], h2: ['id'], h3: ['id'] },
  allowedStyles: { '*': { 'text-align': [/^(left|right|center)$/] } },
  // The moments of a video are all that a report links to.
  allowedSchemes: ['https'],
  transformTags: {
    a: (_tag, { href = '' }) =>
      /^https:\/\/youtu\.be\/[\w-]{11}\?t=\d+$/.test(href)
        ? { tagName: 'a', attribs: { href, rel: 'noopener noreferrer' } }
        : { tagName: 'span', attribs: {} },
  },
}

const STYLE = `
:root { color-scheme: light dark }
body { max-width: 44rem; margin: 3rem auto; padding: 0 1.25rem; font: 1.0625rem/1.65 Georgia, "Noto Serif CJK SC", "Songti SC", serif }
h1, h2, h3, h4 { font-family: system-ui, "Noto Sans CJK SC", sans-serif; line-height: 1.25; margin: 2.2em 0 .6em }
h1 { font-size: 1.9rem; margin-top: 0 } h2 { font-size: 1.35rem } h3 { font-size: 1.1rem }
blockquote { margin: 1em 0; padding-left: 1em; border-left: 3px solid #8886; font-style: italic }
table { border-collapse: collapse; font-size: .95em } th, td { padding: .3em .8em; border-bottom: 1px solid #8884; text-align: left }
thead th:empty { padding: 0; border: 0 } code { font-size: .9em } pre { overflow-x: auto; padding: 1em; background: #8881; border-radius: 6px }
nav { margin: 2em 0; font: .95rem/1.6 system-ui, "Noto Sans CJK SC", sans-serif } nav ul { list-style: none; margin: 0; padding: 0 } nav .sub { padding-left: 1.2em }
footer { margin-top: 3em; padding-top: 1em; border-top: 1px solid #8884; font: .85rem/1.5 system-ui, sans-serif; opacity: .75; overflow-wrap: anywhere }
`

/** The report as a page of its own: no script, nothing loaded, whatever its source contains. */
export function renderHtml(report: Report): string {
  const { provenance, language, title, model } = report
  const { html, entries } = renderWithPlaces(report.markdown)
  const body = withContents(sanitizeHtml(html, CLEAN), entries, language)
  const from = provenance.url ?? provenance.name ?? provenance.source
  const made = `${model ?? 'extractive'} · ${from} · SHA-256 ${provenance.sha256}`
  return [
    '<!DOCTYPE html>',
    `<html lang="${escapeHtml(language)}"><head><meta charset="utf-8">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="generator" content="Headgate">',
    `<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>`,
    `<body><article>\n${body}</article><footer>${escapeHtml(made)}</footer></body></html>\n`,
  ].join('\n')
}

const { escapeHtml } = markdown.utils

interface Entry {
  readonly id: string
  readonly text: string
  readonly isSub: boolean
}

/** A shorter report needs no table of contents. */
const MIN_ENTRIES = 4

/** Headings get names of ours; no text of the document becomes one. */
function renderWithPlaces(text: string): { html: string; entries: Entry[] } {
  const tokens = markdown.parse(text, {})
  const entries: Entry[] = []
  for (const [index, token] of tokens.entries()) {
    if (token.type !== 'heading_open' || !/^h[23]$/.test(token.tag)) continue
    const id = `part-${entries.length + 1}`
    token.attrSet('id', id)
    const words = (tokens[index + 1]?.children ?? []).map(({ content }) => content).join('')
    entries.push({ id, text: words, isSub: token.tag === 'h3' })
  }
  return { html: markdown.renderer.render(tokens, markdown.options, {}), entries }
}

/** The contents stand before the first of the headings that they name. */
function withContents(body: string, entries: readonly Entry[], language: string): string {
  const at = body.indexOf('<h2')
  if (entries.length < MIN_ENTRIES || at < 0) return body
  const items = entries.map(
    ({ id, text, isSub }) =>
      `<li${isSub ? ' class="sub"' : ''}><a href="#${id}">${escapeHtml(text)}</a></li>`,
  )
  const label = escapeHtml(findFrame(language).contents)
  const nav = `<nav aria-label="${label}"><ul>\n${items.join('\n')}\n</ul></nav>\n`
  return body.slice(0, at) + nav + body.slice(at)
}
