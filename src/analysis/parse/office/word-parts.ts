import type { Remark, RunningLine } from './remarks.ts'
import { readXml } from './xml-stream.ts'

const PAGE_FIELD = /^\s*(?:PAGE|NUMPAGES|SECTIONPAGES)\b/i

/** The paragraphs of a header or footer (WordprocessingML, ECMA-376, 17.10), those of its text boxes and tables too. */
export function readRunningLines(bytes: Buffer | undefined): RunningLine[] {
  const lines: RunningLine[] = []
  readParagraphs(bytes, (line) => lines.push(line))
  return lines
}

/** The comments of a document (17.13.4). */
export function readComments(bytes: Buffer | undefined): Remark[] {
  const remarks: Remark[] = []
  let author = ''
  let lines: string[] = []
  readParagraphs(bytes, ({ text }) => lines.push(text), {
    open: (name, attributes) => {
      if (name !== 'comment') return
      author = attributes['w:author']?.trim() ?? ''
      lines = []
    },
    close: (name) => {
      if (name === 'comment') remarks.push({ author, text: lines.join(' ') })
    },
  })
  return remarks
}

/** An object whose program writes formulas: its picture draws their signs one by one. */
const FORMULA = /^equation\b/i

/** The relations of the pictures that embedded objects are shown by, such as a table of a workbook (17.3.3.19). */
export function listObjectPictures(bytes: Buffer | undefined): string[] {
  const found: string[] = []
  let picture = ''
  readXml(bytes, {
    open: (name, attributes) => {
      if (name === 'object') picture = ''
      else if (name === 'imagedata') picture = attributes['r:id'] ?? ''
      else if (name === 'OLEObject' && attributes['DrawAspect'] !== 'Icon') {
        if (picture !== '' && !FORMULA.test(attributes['ProgID'] ?? '')) found.push(picture)
      }
    },
  })
  return found
}

interface Around {
  readonly open?: (name: string, attributes: Readonly<Record<string, string>>) => void
  readonly close?: (name: string) => void
}

/** A paragraph may be inside another one, in a text box: its line comes first. */
function readParagraphs(
  bytes: Buffer | undefined,
  onLine: (line: RunningLine) => void,
  { open, close }: Around = {},
): void {
  const paragraphs: { text: string; hasPageNumber: boolean }[] = []
  let inside = ''
  let instruction = ''
  readXml(bytes, {
    open: (name, attributes) => {
      open?.(name, attributes)
      const paragraph = paragraphs.at(-1)
      if (name === 'p') paragraphs.push({ text: '', hasPageNumber: false })
      else if (paragraph === undefined) return
      else if (name === 'tab' || name === 'br' || name === 'cr') paragraph.text += ' '
      else if (name === 'fldChar') instruction = ''
      else if (name === 'fldSimple' && PAGE_FIELD.test(attributes['w:instr'] ?? ''))
        paragraph.hasPageNumber = true
      inside = name
    },
    text: (data) => {
      const paragraph = paragraphs.at(-1)
      if (paragraph === undefined) return
      if (inside === 't') paragraph.text += data
      if (inside !== 'instrText') return
      instruction += data
      if (PAGE_FIELD.test(instruction)) paragraph.hasPageNumber = true
    },
    close: (name) => {
      inside = ''
      if (name === 'p') onLine(paragraphs.pop() ?? { text: '', hasPageNumber: false })
      close?.(name)
    },
  })
}
