import { expect, test } from 'vitest'
import { readText } from '../../src/analysis/parse/text/plain-text.ts'
import { extractReport } from '../../src/analysis/write/extractive/extract.ts'
import { reportRequest } from '../support/report.ts'

/** Which sentences a report without a model has. */

const report = (text: string) =>
  extractReport(readText(new TextEncoder().encode(text)), reportRequest(), () => undefined)

const PARTS = ['north', 'south', 'east', 'west', 'inner', 'outer']
/** Sections about one thing each. */
const SECTIONS = PARTS.map((part, n) => {
  const lines = Array.from({ length: 8 }, (_, m) => {
    const hour = n * 8 + m
    return `At hour ${hour} the ${part} keeper noted the pressure of pump ${m} in a book of the ${part} house.`
  })
  return `## The ${part} house\n\n${lines.join(' ')}`
}).join('\n\n')
const PURPOSE = 'Each keeper of a pump house notes the pressure so that the town stays dry.'

test('what stands before the first heading introduces the text, and is in its summary', () => {
  expect(report(`# Pump houses\n\n${PURPOSE}\n\n${SECTIONS}`).summary).toContain(PURPOSE)
})

test.each([
  'Executive Summary',
  '1. Introduction',
  'Conclusions and Future Work',
  'Zusammenfassung',
  'Résumé',
  'Conclusiones',
  'Введение',
])('a section named %s tells what the text is about', (heading) => {
  expect(report(`${SECTIONS}\n\n## ${heading}\n\n${PURPOSE}`).summary).toContain(PURPOSE)
  expect(report(`${SECTIONS}\n\n## Visitors of May\n\n${PURPOSE}`).summary).not.toContain(PURPOSE)
})
