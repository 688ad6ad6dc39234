import { findFirst, listElements, type XmlElement } from './xml.ts'

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

/** The data of a chart: a row for each category, a column for each series. */
export function chartRows(chart: XmlElement): string {
  const series = [...listElements(chart, new Set(['c:ser']))].map((each) => ({
    name: pointsIn(findFirst(each, 'c:tx'))[0] ?? '',
    categories: pointsIn(findFirst(each, 'c:cat')),
    values: pointsIn(findFirst(each, 'c:val') ?? findFirst(each, 'c:yVal')),
  }))
  const categories = series[0]?.categories ?? []
  const count = Math.max(0, ...series.map(({ values }) => values.length))
  const rows = Array.from({ length: count }, (_, at) => [
    categories[at] ?? '',
    ...series.map(({ values }) => values[at] ?? ''),
  ])
  return [['', ...series.map(({ name }) => name)], ...rows].map((row) => row.join(' | ')).join('\n')
}

/** The values of a list, as the chart keeps them beside the workbook that they are from. */
function pointsIn(list: XmlElement | undefined): string[] {
  if (list === undefined) return []
  return [...listElements(list, new Set(['c:v']))].map((value) => value.textContent?.trim() ?? '')
}
