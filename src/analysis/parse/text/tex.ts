/** Looked at to see whether a text is LaTeX. */
const HEAD_CHARS = 20_000
const BEGIN = String.raw`\begin{document}`
const END = String.raw`\end{document}`
/** Environments that hold no running text. */
const LEFT_OUT =
  /^(?:equation|align|gather|multline|eqnarray|displaymath|figure|table|tabular|tikzpicture|thebibliography|filecontents)\*?$/
const CODE = /^(?:verbatim|lstlisting|minted)\*?$/
const ENVIRONMENT = /\\(begin|end)\{([a-zA-Z*]{1,40})\}(?:\[[^\]]{0,500}\])?(?:\{[^{}]{0,500}\})?/
const HEADING =
  /^\s*\\(?:part|chapter|section|subsection|subsubsection|paragraph)\*?(?:\[[^\]]{0,500}\])?\{(.{1,500})\}/
/** Commands whose argument is no text. */
const NO_TEXT =
  /\\(?:cite[a-z]*|ref|eqref|pageref|autoref|label|index|bibliography[a-z]*|includegraphics|usepackage|input|include|vspace|hspace)\*?(?:\[[^\]]{0,500}\])?\{[^{}]{0,1000}\}/g
const LINK = /\\href\{[^{}]{0,1000}\}\{([^{}]{0,1000})\}/g
const WITH_TEXT = /\\[a-zA-Z]{1,40}\*?(?:\[[^\]]{0,500}\])?\{([^{}]{0,5000})\}/g
const COMMAND = /\\[a-zA-Z]{1,40}\*?/g
const ACCENT = /\\(?:(['`^"~])\s?\{?([a-zA-Z])\}?|c\{([a-zA-Z])\})/g
const CEDILLA = '\u0327'
const MARKS: Readonly<Record<string, string>> = {
  "'": '\u0301',
  '`': '\u0300',
  '^': '\u0302',
  '"': '\u0308',
  '~': '\u0303',
}
/** Commands inside commands are undone from the inside out, this often. */
const MAX_NESTING = 5

export function isTex(text: string): boolean {
  return (
    /^[^%\n]{0,200}\\(?:documentclass|documentstyle)\b/m.test(text.slice(0, HEAD_CHARS)) &&
    text.includes(BEGIN)
  )
}

/** A warning where the end of a LaTeX document is missing. */
export function describeTexEnd(text: string): string[] {
  if (!isTex(text) || text.includes(END)) return []
  return ['The document ends in the middle: a part of the text is missing.']
}

/** LaTeX as Markdown: headings, paragraphs, lists and code; formulas that stand alone, figures and tables are left out. */
export function texToMarkdown(text: string): string {
  const from = text.indexOf(BEGIN)
  const end = text.indexOf(END, from)
  const title = /^[ \t]*\\title(?:\[[^\]]{0,500}\])?\{(.{1,500})\}/m.exec(text)?.[1]
  const body = text.slice(from + BEGIN.length, end < 0 ? undefined : end)
  const made = title === undefined ? [] : [`# ${plain(title)}`, '']
  const open: string[] = []
  for (const line of body.split('\n')) {
    const environment = ENVIRONMENT.exec(line)
    const [, which, name = ''] = environment ?? []
    if (which === 'begin') open.push(name)
    if (CODE.test(open.at(-1) ?? '')) made.push(environment === null ? line : '~~~')
    else if (!open.some((each) => LEFT_OUT.test(each))) made.push(toLine(line.replace(ENVIRONMENT, '')))
    if (which === 'end') open.splice(open.lastIndexOf(name), open.includes(name) ? 1 : 0)
  }
  return made.join('\n')
}

function toLine(line: string): string {
  const text = line.replace(/(^|[^\\])%.*$/, '$1')
  // A line of nothing but a comment does not end its paragraph.
  if (text.trim() === '' && line.trim() !== '') return ' '
  const heading = HEADING.exec(text)?.[1]
  if (heading !== undefined) return `\n## ${plain(heading)}\n`
  return plain(text.replace(/^\s*\\item(?:\[[^\]]{0,200}\])?/, '- '))
}

function plain(text: string): string {
  let made = text
    .replace(ACCENT, (_, mark?: string, letter = '', withCedilla = '') =>
      (mark === undefined ? withCedilla + CEDILLA : letter + (MARKS[mark] ?? '')).normalize('NFC'),
    )
    .replace(NO_TEXT, '')
    .replace(LINK, '$1')
  for (let depth = 0; depth < MAX_NESTING && made.includes('\\'); depth += 1)
    made = made.replace(WITH_TEXT, '$1')
  return made
    .replace(/\\([%&$#_{}])/g, '$1')
    .replace(/\\\\/g, ' ')
    .replace(COMMAND, '')
    .replace(/[{}]/g, '')
    .replace(/~/g, ' ')
    .replace(/---/g, '—')
    .replace(/--/g, '–')
    .replace(/``/g, '“')
    .replace(/''/g, '”')
    .replace(/\$([^$]{1,500})\$/g, '$1')
    .replace(/ {2,}/g, ' ')
    .replace(/ ([.,;:])/g, '$1')
}
