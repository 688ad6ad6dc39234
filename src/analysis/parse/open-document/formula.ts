import { isElement, type XmlElement, type XmlNode } from '../office/xml.ts'

const MAX_DEPTH = 100
/** What is for programs, and the source that the formula was made of. */
const LEFT_OUT = new Set(['annotation', 'annotation-xml'])
/** What stands before each part behind the first one. */
const SCRIPTS: Readonly<Record<string, readonly string[]>> = {
  mfrac: ['/'],
  msub: ['_'],
  munder: ['_'],
  msup: ['^'],
  mover: ['^'],
  msubsup: ['_', '^'],
  munderover: ['_', '^'],
}

export function isFormula(element: XmlElement): boolean {
  return localName(element) === 'math'
}

/** A formula in MathML on one line: `(a+b)/2`, `x_1^2`, `√(x+1)`. */
export function toLinear(node: XmlNode, depth = 0): string {
  if (!isElement(node)) return node.textContent?.trim() ?? ''
  const name = localName(node)
  if (LEFT_OUT.has(name) || depth > MAX_DEPTH) return ''
  const parts = [...node.childNodes].map((child) => toLinear(child, depth + 1)).filter((part) => part !== '')
  const signs = SCRIPTS[name]
  if (signs !== undefined) {
    const [base = '', ...scripts] = parts
    const first = name === 'mfrac' ? group(base) : base
    return first + scripts.map((script, index) => `${signs[index] ?? ''}${group(script)}`).join('')
  }
  if (name === 'msqrt' || name === 'mroot') return `√${group(parts[0] ?? '')}`
  if (name === 'mfenced') return `(${parts.join(',')})`
  if (name === 'mtr') return `${parts.join(', ')}; `
  return parts.join('')
}

/** Several characters in parentheses. */
function group(text: string): string {
  return text.length > 1 ? `(${text})` : text
}

function localName({ nodeName }: XmlElement): string {
  return nodeName.slice(nodeName.indexOf(':') + 1)
}
