import type { Remark } from './remarks.ts'
import { readRelations } from './xml.ts'
import { readXml } from './xml-stream.ts'
import type { Entries } from './zip.ts'

/** Those of PowerPoint before 2021, and threads with their answers since. */
const AUTHORS = ['ppt/commentAuthors.xml', 'ppt/authors.xml']
const COMMENT = /^(?:cm|reply)$/

/** The comments of reviewers on a slide, with the answers to them. */
export function readSlideComments(entries: Entries, slide: string): Remark[] {
  const parts = [...readRelations(entries, slide).values()].filter((part) => part.startsWith('ppt/comments/'))
  if (parts.length === 0) return []
  const authors = readAuthors(entries)
  return parts.flatMap((part) => readPart(entries.get(part), authors))
}

function readAuthors(entries: Entries): ReadonlyMap<string, string> {
  const authors = new Map<string, string>()
  for (const part of AUTHORS) {
    readXml(entries.get(part), {
      open: (name, { id = '', name: author = '' }) => {
        if (/author$/i.test(name)) authors.set(id, author.trim())
      },
    })
  }
  return authors
}

function readPart(bytes: Buffer | undefined, authors: ReadonlyMap<string, string>): Remark[] {
  const remarks: { author: string; text: string }[] = []
  /** Those that are open: an answer is inside of the comment that it is to. */
  const open: { author: string; text: string }[] = []
  let inside = ''
  readXml(bytes, {
    open: (name, { authorId = '' }) => {
      inside = name
      if (!COMMENT.test(name)) return
      const remark = { author: authors.get(authorId) ?? '', text: '' }
      remarks.push(remark)
      open.push(remark)
    },
    text: (data) => {
      const remark = open.at(-1)
      if (remark !== undefined && (inside === 't' || inside === 'text')) remark.text += data
    },
    close: (name) => {
      inside = ''
      if (COMMENT.test(name)) open.pop()
      const remark = open.at(-1)
      if (name === 'p' && remark !== undefined) remark.text += ' '
    },
  })
  return remarks
}
