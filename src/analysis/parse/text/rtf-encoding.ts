/** Windows code pages whose encodings have names of their own. */
const NAMES: Readonly<Record<number, string>> = {
  932: 'shift_jis',
  936: 'gbk',
  949: 'euc-kr',
  950: 'big5',
  10000: 'macintosh',
  65001: 'utf-8',
}
/** The code pages of the character sets that a font may name (`\\fcharset`, RTF 1.9). */
const PAGES: Readonly<Record<number, number>> = {
  77: 10000,
  128: 932,
  129: 949,
  134: 936,
  136: 950,
  161: 1253,
  162: 1254,
  163: 1258,
  177: 1255,
  178: 1256,
  186: 1257,
  204: 1251,
  222: 874,
  238: 1250,
}

/** undefined: the one of the document. */
export function pageOfCharset(charset: number): number | undefined {
  return PAGES[charset]
}

/** The encoding of a Windows code page; Western where it has no name. */
export function createDecoder(page: number | null): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(NAMES[page ?? 1252] ?? `windows-${page ?? 1252}`)
  } catch {
    return new TextDecoder('windows-1252')
  }
}
