import { TaskError } from '../../../task/failure.ts'
import type { SourceDocument } from '../document.ts'
import { readText } from './plain-text.ts'

/** The part of a notebook (nbformat 4) that is read here. */
interface Notebook {
  readonly cells?: readonly Partial<NotebookCell>[]
  readonly metadata?: { readonly title?: unknown }
}
interface NotebookCell {
  readonly cell_type: string
  readonly source: string | readonly string[]
  readonly outputs: readonly { readonly text?: string | readonly string[] }[]
}

/** Reads a Jupyter notebook: its text as Markdown, its code and what the code wrote as code. */
export function readNotebook(bytes: Uint8Array): SourceDocument {
  const { cells = [], metadata = {} } = parse(bytes)
  const parts = cells.flatMap(({ cell_type: type, source = '', outputs = [] }) => {
    const text = join(source)
    if (type !== 'code') return [text]
    return [text, ...outputs.map((output) => join(output.text ?? ''))].map(toCode)
  })
  const document = readText(new TextEncoder().encode(parts.join('\n\n')), 'utf-8')
  const title = typeof metadata.title === 'string' ? metadata.title : null
  return { ...document, title: title ?? document.title }
}

function parse(bytes: Uint8Array): Notebook {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Notebook
  } catch (error) {
    throw new TaskError('input_rejected', 'The notebook is damaged: it is no JSON.', { cause: error })
  }
}

function join(text: string | readonly string[]): string {
  return typeof text === 'string' ? text : text.join('')
}

function toCode(text: string): string {
  return text.trim() === '' ? '' : `~~~\n${text}\n~~~`
}
