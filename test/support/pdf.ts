/** A small PDF with one line of Helvetica per string and `linesPerPage` lines on a page; the file lacks `lostPage`. */
export function samplePdf(
  lines: readonly string[],
  linesPerPage = 40,
  lostPage: number | null = null,
): Uint8Array<ArrayBuffer> {
  const pages: string[][] = []
  for (let at = 0; at < lines.length; at += linesPerPage) pages.push(lines.slice(at, at + linesPerPage))
  const objects: string[] = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${pages.map((_, index) => `${index + 1 === lostPage ? 9999 : 4 + index * 2} 0 R`).join(' ')}] /Count ${pages.length} >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ]
  for (const [index, page] of pages.entries()) {
    const text = page.map((line, row) => textAt(line, 740 - row * 16)).join('\n')
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${5 + index * 2} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
      `<< /Length ${text.length} >>\nstream\n${text}\nendstream`,
    )
  }
  return fileOf(objects, '')
}

/** A PDF of one line in Chinese, in a font that it neither holds nor describes: `hex` is GBK, `gap` is between characters. */
export function chinesePdf(hex: string, gap = 0): Uint8Array<ArrayBuffer> {
  const text = `BT /F1 12 Tf ${gap} Tc 60 700 Td <${hex}> Tj ET`
  const system = '/CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >>'
  const measures =
    '/FontBBox [0 -200 1000 900] /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 800 /StemV 80'
  return fileOf(
    [
      '<< /Type /Catalog /Pages 2 0 R >>',
      '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
      '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
      `<< /Length ${text.length} >>\nstream\n${text}\nendstream`,
      '<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /GBK-EUC-H /DescendantFonts [6 0 R] >>',
      `<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light ${system} /FontDescriptor 7 0 R >>`,
      `<< /Type /FontDescriptor /FontName /STSong-Light /Flags 4 ${measures} >>`,
    ],
    '',
  )
}

export interface DrawnPage {
  /** Operators of a content stream; its font is Helvetica, `/F1`. */
  readonly content: string
  /** Dictionaries of annotations; they can name `objects`, which are numbered from 10. */
  readonly annotations?: readonly string[]
  readonly objects?: readonly string[]
  /** Characters of the font from `a` on, in hexadecimal UTF-16; without it they are what they are. */
  readonly lettersFrom?: string
}

/** A PDF of one page that is drawn by hand. */
export function drawnPdf({ content, annotations = [], objects = [], lettersFrom }: DrawnPage) {
  const first = 10 + objects.length
  const refs = annotations.map((_, index) => `${first + index} 0 R`).join(' ')
  const letters = `1 beginbfrange <61> <7A> <${lettersFrom}> endbfrange`
  const map = `begincmap 1 begincodespacerange <00> <FF> endcodespacerange 1 beginbfrange <20> <60> <0020> endbfrange ${letters} endcmap`
  const unused = Array.from({ length: 3 }, () => 'null')
  return fileOf(
    [
      `<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [${refs}] /DR << /Font << /F1 5 0 R >> >> >> >>`,
      '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Annots [${refs}] /Resources << /Font << /F1 5 0 R >> >> >>`,
      `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
      `<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica ${lettersFrom === undefined ? '' : '/ToUnicode 6 0 R'} >>`,
      `<< /Length ${map.length} >>\nstream\n${map}\nendstream`,
      ...unused,
      ...objects,
      ...annotations,
    ],
    '',
  )
}

/** A form of labelled fields, as it is filled in: the values are in the fields, not on the page. */
export function formPdf(fields: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(fields)
  const refs = entries.map((_, index) => `${6 + index} 0 R`).join(' ')
  const text = entries.map(([label], row) => textAt(`${label}:`, 740 - row * 30)).join('\n')
  const widget = ([label, value]: [string, string], row: number) =>
    `<< /Type /Annot /Subtype /Widget /FT /Tx /T (${label}) /V (${value}) /DA (/F1 11 Tf) /Rect [160 ${736 - row * 30} 400 ${754 - row * 30}] >>`
  return fileOf(
    [
      `<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [${refs}] /DR << /Font << /F1 5 0 R >> >> >> >>`,
      '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Annots [${refs}] /Resources << /Font << /F1 5 0 R >> >> >>`,
      `<< /Length ${text.length} >>\nstream\n${text}\nendstream`,
      '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
      ...entries.map(widget),
    ],
    '',
  )
}

/** A PDF whose font gives its letters the characters of a private use, as some subsets of fonts do. */
export function garbledPdf(line: string): Uint8Array<ArrayBuffer> {
  const text = textAt(line, 700)
  const map = `/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def
1 begincodespacerange <00> <FF> endcodespacerange 1 beginbfrange <20> <7E> <E020> endbfrange endcmap end end`
  return fileOf(
    [
      '<< /Type /Catalog /Pages 2 0 R >>',
      '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
      '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
      `<< /Length ${text.length} >>\nstream\n${text}\nendstream`,
      '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 6 0 R >>',
      `<< /Length ${map.length} >>\nstream\n${map}\nendstream`,
    ],
    '',
  )
}

/** A PDF whose password is nobody's: its hashes are made up. */
export function protectedPdf(): Uint8Array<ArrayBuffer> {
  const hash = 'ab'.repeat(32)
  const encrypt = `/Encrypt << /Filter /Standard /V 1 /R 2 /O <${hash}> /U <${hash}> /P -4 >> /ID [<${hash}> <${hash}>]`
  const objects = ['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Kids [] /Count 0 >>']
  return fileOf(objects, encrypt)
}

function textAt(line: string, y: number): string {
  return `BT /F1 11 Tf 60 ${y} Td (${line.replace(/[\\()]/g, '\\$&')}) Tj ET`
}

function fileOf(objects: readonly string[], trailer: string): Uint8Array<ArrayBuffer> {
  let file = '%PDF-1.4\n'
  const offsets = objects.map((object, index) => {
    const offset = file.length
    file += `${index + 1} 0 obj\n${object}\nendobj\n`
    return offset
  })
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')
  file += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}`
  file += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R ${trailer} >>\nstartxref\n${file.lastIndexOf('xref\n0')}\n%%EOF\n`
  return new Uint8Array(Buffer.from(file, 'latin1'))
}
