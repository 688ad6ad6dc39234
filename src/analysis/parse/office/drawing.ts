import { toLinear } from './word-text.ts'
import { listElements, type XmlElement } from './xml.ts'

const PARAGRAPH = new Set(['a:p'])
const RUNS = new Set(['a:t', 'a:br', 'm:oMath'])

/** The lines of a shape, or of the data of a SmartArt (DrawingML, ECMA-376, 21). */
export function linesIn(element: XmlElement): string[] {
  return [...listElements(element, PARAGRAPH)].map(textIn).filter((line) => line !== '')
}

function textIn(paragraph: XmlElement): string {
  return [...listElements(paragraph, RUNS)].map(toText).join('').trim()
}

function toText(run: XmlElement): string {
  if (run.nodeName === 'a:br') return ' '
  return run.nodeName === 'm:oMath' ? toLinear(run.toString()) : (run.textContent ?? '')
}
