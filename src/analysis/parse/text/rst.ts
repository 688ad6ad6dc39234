/** Looked at to see whether a text is reStructuredText. */
const HEAD_CHARS = 20_000
const DIRECTIVE = /^\s*\.\.\s+[a-zA-Z][\w:+.-]{0,60}::/
const COMMENT_OR_TARGET = /^\s*\.\.(?:\s|$)/
/** What is under such a directive is text. */
const OF_TEXT =
  /^\s*\.\.\s+(?:note|warning|tip|important|caution|attention|hint|seealso|versionadded|versionchanged|deprecated|topic|admonition)::\s*(.*)$/
const OF_CODE = /^\s*\.\.\s+(?:code|code-block|sourcecode|parsed-literal)::/
const LINE_OF_MARKS = /^([=\-~^"'`#*+:.<>_])\1{2,}\s*$/
const FIELD = /^\s*:[\w -]{1,60}:(?:\s|$)/
/** What is in a directive is mostly indented by this much. */
const CODE_INDENT = 3
const INDENT = /^\s*/

export function isRst(text: string): boolean {
  const head = text.slice(0, HEAD_CHARS)
  return new RegExp(DIRECTIVE.source, 'm').test(head) && /^([=\-~^"'`#*+])\1{2,}[ \t]*$/m.test(head)
}

/** reStructuredText as Markdown: headings, paragraphs, lists, code; directives but notes, targets and comments are left out. */
export function rstToMarkdown(text: string): string {
  const made: string[] = []
  /** Lines that are indented deeper than this belong to a directive. */
  let block: { readonly indent: number; readonly kind: 'text' | 'code' | 'none' } | null = null
  for (const line of text.split('\n')) {
    const indent = (INDENT.exec(line)?.[0] ?? '').length
    if (block !== null && line.trim() !== '' && indent <= block.indent) {
      if (block.kind === 'code') made.push('~~~', '')
      block = null
    }
    if (block?.kind === 'none' || (block !== null && FIELD.test(line))) continue
    if (block?.kind === 'code') made.push(line.slice(Math.min(indent, block.indent + CODE_INDENT)))
    else if (OF_CODE.test(line)) {
      block = { indent, kind: 'code' }
      made.push('', '~~~')
    } else if (OF_TEXT.test(line)) {
      block = { indent, kind: 'text' }
      made.push('', plain(OF_TEXT.exec(line)?.[1] ?? ''))
    } else if (COMMENT_OR_TARGET.test(line)) block = { indent, kind: 'none' }
    else if (LINE_OF_MARKS.test(line)) made.push(...underline(made))
    else made.push(plain(block === null ? line : line.trimStart()))
  }
  if (block?.kind === 'code') made.push('~~~')
  return made.join('\n')
}

/** A line of marks below a text makes it a heading; one above it, or alone, is nothing. */
function underline(made: string[]): string[] {
  const text = made.at(-1)?.trim() ?? ''
  if (text === '' || text.startsWith('#')) return ['']
  made.pop()
  const isFirst = !made.some((line) => line.startsWith('#'))
  return [`${isFirst ? '#' : '##'} ${text}`, '']
}

function plain(line: string): string {
  return line
    .replace(/:[\w:+.-]{1,60}:`([^`<]{1,500}?)\s{0,100}(?:<[^`>]{0,500}>)?`/g, '$1')
    .replace(/``([^`]{1,1000})``/g, '$1')
    .replace(/`([^`<]{1,500}?)\s{0,100}<[^`>]{1,1000}>`__?/g, '$1')
    .replace(/`([^`]{1,500})`_?/g, '$1')
    .replace(/\[[#\d*][\w-]{0,40}\]_/g, '')
    .replace(/::\s*$/, ':')
}
