/** Formats of numbers that a workbook may use without declaring them (ECMA-376, 18.8.30). */
const BUILT_IN: Readonly<Record<number, string>> = {
  1: '0',
  2: '0.00',
  3: '#,##0',
  4: '#,##0.00',
  5: '"$"#,##0',
  6: '"$"#,##0',
  7: '"$"#,##0.00',
  8: '"$"#,##0.00',
  9: '0%',
  10: '0.00%',
  37: '#,##0',
  38: '#,##0',
  39: '#,##0.00',
  40: '#,##0.00',
  41: '#,##0',
  42: '"$"#,##0',
  43: '#,##0.00',
  44: '"$"#,##0.00',
}
/** A text in quotation marks, a currency, another condition, an escaped character, padding, or a character. */
const TOKEN = /"([^"]{0,200})"|\[\$([^\]-]{0,20})(?:-[^\]]{0,20})?\]|\[[^\]]{0,100}\]|\\(.)|[_*].|([^])/gu
const DIGITS = /^([^#0?]{0,100})([#0?][#0?,]{0,100}?)(\.[#0?]{0,30})?(,{0,4})([^#0?.,]{0,100})$/
/** Sections for some numbers only, and others for the rest: `[>999]0.0,"K";0`. */
const CONDITION = /^[^;]{0,200}\[[<>=][^\]]{0,100}\][^;]{0,200};/
/** Of digits before and behind the point: `Intl` shows 21 and 100 at most. */
const MAX_DIGITS = 20
/** Marks that stand for themselves beside the digits of a format. */
const LITERAL = /^[$€£¥%+\-() :]$/

/**
 * How a number of this format is shown: its decimals, thousands, currency and percent sign; null where that is not known, as of
 * fractions, powers of ten and formats with conditions.
 *
 * @param code of a format that the workbook declares
 */
export function toNumberFormat(id: number, code: string | undefined): ((value: number) => string) | null {
  const pattern = CONDITION.test(code ?? '') ? null : DIGITS.exec(readPattern(code ?? BUILT_IN[id] ?? ''))
  if (pattern === null) return null
  const [, prefix = '', digits = '', decimals = '', thousands = '', suffix = ''] = pattern.map(restore)
  const isPercent = `${prefix}${suffix}`.includes('%')
  // Commas behind the digits divide by a thousand each.
  const factor = (isPercent ? 100 : 1) / 1000 ** thousands.length
  const shown = new Intl.NumberFormat('en-US', {
    useGrouping: digits.includes(','),
    minimumIntegerDigits: Math.min(Math.max(1, count(digits, '0')), MAX_DIGITS),
    minimumFractionDigits: Math.min(count(decimals, '0'), MAX_DIGITS),
    maximumFractionDigits: Math.min(Math.max(0, decimals.length - 1), MAX_DIGITS),
  })
  return (value) => {
    const text = shown.format(Math.abs(value) * factor)
    const sign = value < 0 && /[1-9]/.test(text) ? '-' : ''
    return `${sign}${prefix}${text}${suffix}`.trim()
  }
}

/** Letters of a format's own texts, kept out of the way of its signs. */
const HIDDEN = 0xe000
const restore = (text: string | undefined): string =>
  (text ?? '').replace(/[\ue000-\uf8ff]/g, (char) => String.fromCharCode(char.charCodeAt(0) - HIDDEN))
const hide = (text: string): string =>
  text.replace(/[\u0020-\u18ff]/g, (char) => String.fromCharCode(char.charCodeAt(0) + HIDDEN))

/** The section of positive numbers; empty where it has signs that are not known. */
function readPattern(code: string): string {
  let made = ''
  for (const [, quoted, currency, escaped, char] of code.matchAll(TOKEN)) {
    if (char === ';') break
    made += hide(quoted ?? currency ?? escaped ?? '')
    if (char === undefined) continue
    if (!/[#0?.,]/.test(char) && !LITERAL.test(char)) return ''
    made += char === '(' || char === ')' ? '' : char
  }
  return made
}

function count(text: string, char: string): number {
  return text.split(char).length - 1
}
