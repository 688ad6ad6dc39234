import { readXml } from './xml-stream.ts'

/** How a word is pronounced; the word itself is in `rubyBase`. */
const PRONUNCIATION = /<w:rt(?:\s[^>]{0,500})?>.*?<\/w:rt>|<w:rubyPr>.*?<\/w:rubyPr>/gs
const RUBY_TAGS = /<\/?w:(?:ruby|rubyBase)(?:\s[^>]{0,500})?>/g
/** A field in one element: its result is inside, as the text of any other group. */
const SIMPLE_FIELD = /<(\/?)w:fldSimple(?=[\s>])/g
const FORMULA = /<m:oMath(?:\s[^>]{0,500})?>(.*?)<\/m:oMath>/gs

/** How text looks: the converter reads none of it, but each would be an object in its memory. */
const LOOKS = new RegExp(
  `<w:(?:${(
    'adjustRightInd autoSpaceDE autoSpaceDN bCs bookmarkEnd bottom cantSplit color cols contextualSpacing docGrid end ' +
    'gridAfter gridBefore gridCol hideMark iCs ind insideH insideV jc keepLines keepNext kern kinsoku lang ' +
    'lastRenderedPageBreak left lsdException noProof noWrap overflowPunct pgMar pgSz position proofErr rFonts right shd ' +
    'snapToGrid spacing start suppressAutoHyphens sz szCs tblCellSpacing tblInd tblLayout tblLook tblW tcW textAlignment ' +
    'textDirection top topLinePunct trHeight vAlign w wAfter wBefore widowControl'
  ).replaceAll(' ', '|')})(?:\\s[^<>]*)?/>`,
  'g',
)
/** What is empty then. */
const EMPTY =
  /<w:(pBdr|pPr|rPr|tblBorders|tblCellMar|tblGrid|tblPr|tcBorders|tcMar|tcPr|trPr)(?:\s[^<>]*)?><\/w:\1>/g

/** The text or the styles of a Word document without what only says how they look. */
export function withoutLooks(xml: string): string {
  return xml.replace(LOOKS, '').replace(EMPTY, '').replace(EMPTY, '')
}

/** The text of a Word document with words under a pronunciation, fields and formulas in a form that the converter reads. */
export function simplifyWordText(xml: string): string {
  return xml
    .replace(PRONUNCIATION, '')
    .replace(RUBY_TAGS, '')
    .replace(SIMPLE_FIELD, '<$1w:smartTag')
    .replace(FORMULA, (formula) => `<w:r><w:t xml:space="preserve">${escape(toLinear(formula))}</w:t></w:r>`)
}

/** What stands before the text of an element, and behind it. */
const AROUND: Readonly<Record<string, readonly [string, string]>> = {
  den: ['/', ''],
  sub: ['_', ''],
  sup: ['^', ''],
  rad: ['√', ''],
  d: ['(', ')'],
}
/** Text of several characters in these is put into parentheses. */
const GROUPS = new Set(['num', 'den', 'sub', 'sup', 'rad'])
const MAX_DEPTH = 100

/** A formula (Office Math, ECMA-376, 22.1) on one line: `(a+b)/2`, `x_1^2`. */
function toLinear(formula: string): string {
  const open: string[] = ['']
  let isText = false
  readXml(Buffer.from(formula), {
    open: (name, attributes) => {
      isText = name === 't'
      // The sign of a sum or an integral.
      if (name === 'chr') open.push((open.pop() ?? '') + (attributes['m:val'] ?? ''))
      if (open.length < MAX_DEPTH && (name in AROUND || GROUPS.has(name))) open.push('')
    },
    text: (data) => {
      if (isText) open.push((open.pop() ?? '') + data)
    },
    close: (name) => {
      isText = false
      if (open.length === 1 || !(name in AROUND || GROUPS.has(name))) return
      const text = open.pop() ?? ''
      const [before, behind] = AROUND[name] ?? ['', '']
      const inner = GROUPS.has(name) && text.length > 1 ? `(${text})` : text
      if (inner !== '') open.push(`${open.pop() ?? ''}${before}${inner}${behind}`)
    },
  })
  return open.join('')
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
