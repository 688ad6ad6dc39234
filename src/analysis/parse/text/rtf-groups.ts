import type { ParagraphKind } from '../document.ts'

/** Groups that are not the text: fonts, colours, styles, pictures, what a program keeps for itself. */
export const LEFT_OUT = new Set([
  'fonttbl',
  'colortbl',
  'stylesheet',
  'pict',
  'nonshppict',
  'nonesttables',
  'shprslt',
  'fldinst',
  'xe',
  'tc',
  'listtext',
  'pntext',
  'listtable',
  'listoverridetable',
  'generator',
  'info',
  'themedata',
  'datastore',
])
/** Groups that a reader may not know, in which the text of a shape is. */
export const SHAPES = new Set(['shpinst', 'do'])
/** Groups with paragraphs of their own, in the middle of a paragraph: they are read behind it, or at the end. */
export const FLOWS: Readonly<Record<string, FlowKind>> = {
  footnote: 'aside',
  shptxt: 'prose',
  dptxbxtext: 'prose',
  annotation: 'comment',
  atnauthor: 'reviewer',
  ...Object.fromEntries(
    ['', 'l', 'r', 'f']
      .flatMap((page) => [`header${page}`, `footer${page}`])
      .map((name) => [name, 'running']),
  ),
}
/** Properties of the document, in the group `info`. */
export const PROPERTIES: ReadonlySet<string> = new Set(['title', 'author'])
export const ENDS = new Set(['par', 'sect', 'page', 'row'])
/** Outline levels of headings; one above them is running text. */
export const MAX_OUTLINE = 8
export const CHARS: Readonly<Record<string, string>> = {
  tab: ' ',
  line: ' ',
  cell: ' | ',
  nestcell: ' | ',
  emspace: ' ',
  enspace: ' ',
  emdash: '—',
  endash: '–',
  lquote: '‘',
  rquote: '’',
  ldblquote: '“',
  rdblquote: '”',
  bullet: '•',
  '~': '\u00a0',
  _: '-',
}

/** `running`: a header or footer. */
export type FlowKind = ParagraphKind | 'title' | 'author' | 'running' | 'comment' | 'reviewer'

/** A run of paragraphs: the document's own, a footnote's, a text box's, a header's, or a property such as the title. */
export interface Flow {
  text: string
  isRow: boolean
  isItem: boolean
  readonly kind: FlowKind
  /** Paragraphs that come behind the one that is open. */
  readonly after: { readonly text: string; readonly kind: ParagraphKind }[]
}

export const createFlow = (kind: FlowKind): Flow => ({
  text: '',
  isRow: false,
  isItem: false,
  kind,
  after: [],
})
