const NAME = '(?:tabular|tabularx|longtable|tabulary|supertabular)\\*?'
const BEGIN = new RegExp(String.raw`\\begin\{${NAME}\}`)
const END = new RegExp(String.raw`\\end\{${NAME}\}`)
const ROW_END = /\\\\(?:\[[^\]]{0,50}\])?|\\tabularnewline\b|\\end(?:first|last)?(?:head|foot)\b/
const CELL_END = /(?<!\\)&/
/** Rules between rows, boxes around cells, and captions. */
const NO_CELL =
  /\\(?:hline|toprule|midrule|bottomrule|noalign\{\}|(?:begin|end)\{minipage\}(?:\[[^\]]{0,50}\])?(?:\{\\linewidth\})?|c(?:mid)?r?(?:rule|line)(?:\([^)]{0,20}\))?\{[^{}]{0,50}\}|caption\*?(?:\[[^\]]{0,500}\])?\{[^{}]{0,1000}\}|label\{[^{}]{0,200}\})/g

export function beginsTable(line: string): boolean {
  return BEGIN.test(line)
}

export function endsTable(line: string): boolean {
  return END.test(line)
}

/** The rows of a table of LaTeX as those of Markdown; `toText` reads a cell. */
export function readTexTable(lines: readonly string[], toText: (cell: string) => string): string[] {
  const text = lines.join(' ')
  const begin = BEGIN.exec(text)
  const from = begin === null ? 0 : skipArguments(text, begin.index + begin[0].length)
  const rows: string[] = []
  for (const row of text.slice(from, END.exec(text)?.index).replace(NO_CELL, ' ').split(ROW_END)) {
    const cells = row.split(CELL_END).map((cell) => toText(cell).replace(/\|/g, '/').trim())
    const made = `| ${cells.join(' | ')} |`
    // The head of a long table is there for the first page, and for the others.
    if (cells.some((cell) => cell !== '') && made !== rows[0]) rows.push(made)
  }
  return ['', ...rows, '']
}

/** Where the arguments of a command end, which describe the columns. */
function skipArguments(text: string, from: number): number {
  let depth = 0
  for (let at = from; at < text.length; at += 1) {
    const char = text.charAt(at)
    if (char === '{' || char === '[') depth += 1
    else if (char === '}' || char === ']') depth -= 1
    else if (depth === 0 && char.trim() !== '') return at
  }
  return from
}
