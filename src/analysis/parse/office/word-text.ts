import { simplifyShapes } from './word-shapes.ts'
import { escapeXml } from './xml.ts'
import { readXml } from './xml-stream.ts'

/** How a word is pronounced; the word itself is in `rubyBase`. */
const PRONUNCIATION =
  /<w:rt(?:\s[^>]{0,500})?>(?:(?!<w:rt[\s>]).)*?<\/w:rt>|<w:rubyPr>(?:(?!<w:rubyPr>).)*?<\/w:rubyPr>/gs
const RUBY_TAGS = /<\/?w:(?:ruby|rubyBase)(?:\s[^>]{0,500})?>/g
/** A field in one element, whose result is inside, and text in a direction of its own: groups of runs as any other. */
const GROUPS_OF_RUNS = /<(\/?)w:(?:fldSimple|dir|bdo)(?=[\s>])/g
const CARRIAGE_RETURN = /<w:cr\s{0,10}\/>/g
/** A tab to the middle or the end of a line. */
const PLACED_TAB = /<w:ptab(?:\s[^<>]{0,500})?\/>/g
/** What stands around a formula on a line of its own. */
const FORMULA_LINE = /<\/?m:oMathPara(?:\s[^<>]{0,500})?>|<m:oMathParaPr>.{0,500}?<\/m:oMathParaPr>/gs
/** Up to its own end: the text is walked once, also where none of many has an end. */
const FORMULA = /<m:oMath(?:\s[^>]{0,500})?>((?:(?!<m:oMath[\s>]).)*?)<\/m:oMath>/gs

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

/**
 * The text of a Word document with words under a pronunciation, fields, formulas, text from right to left and shapes in a form
 * that the converter reads.
 */
export function simplifyWordText(xml: string): string {
  return simplifyShapes(xml)
    .replace(PRONUNCIATION, '')
    .replace(RUBY_TAGS, '')
    .replace(GROUPS_OF_RUNS, '<$1w:smartTag')
    .replace(CARRIAGE_RETURN, '<w:br/>')
    .replace(PLACED_TAB, '<w:tab/>')
    .replace(FORMULA_LINE, '')
    .replace(
      FORMULA,
      (formula) => `<w:r><w:t xml:space="preserve">${escapeXml(toLinear(formula))}</w:t></w:r>`,
    )
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
export function toLinear(formula: string): string {
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
