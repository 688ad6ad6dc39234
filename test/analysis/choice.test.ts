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
  'Introdução',
  'Conclusioni',
  '要旨',
  '요약',
  '内容提要',
  'Введение',
])('a section named %s tells what the text is about', (heading) => {
  expect(report(`${SECTIONS}\n\n## ${heading}\n\n${PURPOSE}`).summary).toContain(PURPOSE)
  expect(report(`${SECTIONS}\n\n## Visitors of May\n\n${PURPOSE}`).summary).not.toContain(PURPOSE)
})

test('a key point stands alone: what leans, asks, greets or leads elsewhere is none', () => {
  const bad = [
    'However, they are cleaned in spring.',
    'More examples can be found in the examples folder of the pumps.',
    'Feel free to stop by our room for questions about the pumps of the town.',
    'The pressure is given by , where the pump is left out of the pump book.',
    'A lock of the pumps, which keeps the water of the pumps out.',
  ]
  const good = [
    'The pumps of the town were built in the year of the second flood.',
    'Each pump of the town moves two tonnes of water in a minute.',
    'The crews of the pumps change at six in the morning.',
  ]
  const text = `# Pumps\n\n${PURPOSE}\n\n## Care of the pumps\n\n${[...bad, ...good].join('\n\n')}\n\n${SECTIONS}`
  const points = report(text).key_points.flatMap((section) => section.points.map((point) => point.text))
  expect(points.length).toBeGreaterThan(3)
  for (const each of bad) expect(points).not.toContain(each)
  expect(report(bad.join('\n\n')).summary).not.toBe('')
})

test('a summary of several sections has no sentence about "the next exercise"', () => {
  const local = 'Each keeper in the next exercise notes the pressure of a pump of each pump house.'
  const made = report(`# Houses\n\n${PURPOSE}\n\n${SECTIONS}\n\n## Notes taken\n\n${local}`)
  expect(made.summary).not.toContain(local)
  expect(made.markdown).toContain(local)
})

test.each([
  ['# Introduction', 'Text'],
  ['# 前言', 'Text'],
  ['# The pump houses of the town', 'The pump houses of the town'],
  ['The pump houses of the town', 'The pump houses of the town'],
  ['The pump houses of the town are dry.', 'Text'],
  ['Introduction', 'Text'],
])('the title of a text that begins with %j', (line, title) => {
  const document = readText(new TextEncoder().encode(`${line}\n\n${PURPOSE}`))
  const request = { ...reportRequest(), title: null, fallbackTitle: 'Text' }
  expect(extractReport(document, request, () => undefined).title).toBe(title)
})

test('a table with Chinese columns is described in Chinese', () => {
  const table = '日期,水位,闸门\n2024-01-05,3.5,北港\n2024-02-06,4.25,南港\n2024-03-07,4,北港\n'
  expect(report(table).summary).toMatch(/^共 4 行，3 列。/)
  expect(report(table).summary).toContain('水位：3 个数字，3.5 至 4.25。')
  expect(report(table.replace('日期', 'Date').replace(/[\u4e00-\u9fff]+/g, 'gate')).summary).toMatch(
    /^4 rows/,
  )
})
