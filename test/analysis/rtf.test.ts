import { expect, test } from 'vitest'
import { readRtf } from '../../src/analysis/parse/text/rtf.ts'

test.each([
  ['a row that the end of the file ends', String.raw`\trowd\intbl A\cell B\cell`, ['table: A | B']],
  [
    'two paragraphs of a cell',
    String.raw`\trowd\pard\intbl A\par B\cell C\par D\cell\row`,
    ['table: A B | C D'],
  ],
  [
    'text behind a row',
    String.raw`\trowd\intbl A\cell\row Behind.\par End.\par`,
    ['table: A', 'prose: Behind.', 'prose: End.'],
  ],
  [
    'a table in a cell, without what stands for it in older programs',
    String.raw`\trowd\pard\intbl\itap2 A\nestcell B\nestcell{\*\nesttableprops\trowd\nestrow}{\nonesttables Older\par}\pard\intbl C\cell\row`,
    ['table: A | B | C'],
  ],
  [
    'a mark of what may be left out, in the middle of a group',
    String.raw`{\b0\*\cs7 A line.}\par`,
    ['prose: A line.'],
  ],
])('rich text: %s', (_what, rtf, expected) => {
  const { sections } = readRtf(Buffer.from(String.raw`{\rtf1\ansi ${rtf}}`, 'latin1'))
  const paragraphs = sections.flatMap((section) => section.paragraphs)
  expect(paragraphs.map(({ kind, text }) => `${kind}: ${text}`)).toEqual(expected)
})
