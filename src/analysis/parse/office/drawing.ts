import { listElements, type XmlElement } from './xml.ts'

const PARAGRAPH = new Set(['a:p'])

/** The lines of a shape, or of the data of a SmartArt (DrawingML, ECMA-376, 21). */
export function linesIn(element: XmlElement): string[] {
  return [...listElements(element, PARAGRAPH)].map(textIn).filter((line) => line !== '')
}

function textIn(paragraph: XmlElement): string {
  const runs = [...listElements(paragraph, new Set(['a:t', 'a:br']))]
  return runs
    .map((run) => (run.nodeName === 'a:br' ? ' ' : (run.textContent ?? '')))
    .join('')
    .trim()
}
