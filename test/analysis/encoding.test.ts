import { expect, test } from 'vitest'
import { decodeText } from '../../src/analysis/parse/text/encoding.ts'

/** A few sentences of each language, and the encodings in which its texts are met. */
const LANGUAGES: readonly [text: string, ...encodings: string[]][] = [
  [
    'The “old” mill takes what it needs – no more. A queue holds work until somebody is free.',
    'windows-1252',
  ],
  [
    'Le conseil a décidé que la réforme entrerait en vigueur dès l’été. Où étaient les élèves ?',
    'windows-1252',
  ],
  [
    'Le système a été arrêté à minuit, après que la pièce défectueuse eut été remplacée.',
    'iso-8859-1',
    'iso-8859-15',
  ],
  [
    'Die Prüfung der Anlage dauert länger als üblich, weil größere Schäden möglich wären.',
    'windows-1252',
    'iso-8859-1',
  ],
  [
    'La reunión de mañana será más corta; la señora Muñoz leerá el informe del año pasado.',
    'windows-1252',
    'iso-8859-1',
  ],
  [
    'A reunião de amanhã será mais curta; não há informações sobre a situação da região.',
    'windows-1252',
    'iso-8859-1',
  ],
  [
    'Posiedzenie zostało przełożone na późniejszą godzinę, ponieważ część gości się spóźniła.',
    'windows-1250',
    'iso-8859-2',
  ],
  [
    'Zasedání bylo přeloženo na pozdější hodinu, protože část hostů přijela až večer vlakem.',
    'windows-1250',
    'iso-8859-2',
  ],
  [
    'Az ülést későbbi időpontra halasztották, mert a vendégek egy része csak este érkezett meg.',
    'windows-1250',
    'iso-8859-2',
  ],
  [
    'Заседание перенесли на более поздний час, потому что часть гостей приехала только вечером.',
    'windows-1251',
    'koi8-r',
    'iso-8859-5',
    'ibm866',
  ],
  [
    'Засідання перенесли на пізнішу годину, бо частина гостей приїхала лише увечері поїздом.',
    'windows-1251',
    'koi8-u',
  ],
  [
    'Η συνεδρίαση μεταφέρθηκε σε αργότερη ώρα, επειδή μερικοί καλεσμένοι έφτασαν το βράδυ.',
    'windows-1253',
    'iso-8859-7',
  ],
  [
    'Toplantı daha geç bir saate ertelendi, çünkü konukların bir kısmı ancak akşam ulaşabildi.',
    'windows-1254',
    'iso-8859-9',
  ],
  [
    'הישיבה נדחתה לשעה מאוחרת יותר, מכיוון שחלק מהאורחים הגיעו רק בערב ברכבת האחרונה.',
    'windows-1255',
    'iso-8859-8',
  ],
  [
    'تأجل الاجتماع إلى ساعة متأخرة لأن بعض الضيوف لم يصلوا إلا في المساء بالقطار الأخير.',
    'windows-1256',
    'iso-8859-6',
  ],
  [
    '会議は遅い時間に変更された。一部の来賓が夕方の列車でようやく到着したためである。',
    'shift_jis',
    'euc-jp',
    'iso-2022-jp',
    'utf-16le',
  ],
  [
    '회의는 더 늦은 시간으로 연기되었다. 일부 손님이 저녁 기차로 겨우 도착했기 때문이다.',
    'euc-kr',
    'utf-16be',
  ],
  [
    '会议推迟到更晚的时间，因为部分客人乘晚上的火车才到达。主持人向大家表示歉意。',
    'gbk',
    'gb18030',
    'utf-16le',
  ],
  ['會議推遲到更晚的時間，因為部分客人乘晚上的火車才到達。主持人向大家表示歉意。', 'big5'],
  ['การประชุมเลื่อนออกไปเป็นเวลาที่ช้ากว่า เพราะแขกบางคนเพิ่งมาถึงในตอนเย็นโดยรถไฟขบวนสุดท้าย', 'windows-874'],
  ['The meeting was moved to a later hour.\nSome guests came only in the evening.', 'utf-16le', 'utf-16be'],
]
const CASES = LANGUAGES.flatMap(([text, ...encodings]) =>
  encodings.map((encoding) => [encoding, text] as const),
)

/** What each character is in an encoding: every byte, or pair of bytes, is decoded. */
function tableOf(encoding: string): ReadonlyMap<string, readonly number[]> {
  const decoder = new TextDecoder(encoding)
  const table = new Map<string, readonly number[]>()
  for (let byte = 0; byte < 256; byte += 1) {
    const alone = decoder.decode(new Uint8Array([byte]))
    if (Array.from(alone).length === 1 && !alone.includes('\ufffd')) table.set(alone, [byte])
    for (let next = byte < 0x81 ? 256 : 0x40; next < 256; next += 1) {
      const pair = decoder.decode(new Uint8Array([byte, next]))
      if (Array.from(pair).length === 1 && pair !== '\ufffd' && !table.has(pair))
        table.set(pair, [byte, next])
    }
  }
  return table
}

function encode(text: string, encoding: string): Uint8Array {
  if (encoding.startsWith('utf-16')) {
    const units = Buffer.from(text, 'utf16le')
    return new Uint8Array(encoding === 'utf-16le' ? units : units.swap16())
  }
  const isJis = encoding === 'iso-2022-jp'
  const table = tableOf(isJis ? 'euc-jp' : encoding)
  const bytes = Array.from(text).flatMap((char) => {
    const found = table.get(char)
    if (found === undefined) throw new Error(`${char} is not in ${encoding}`)
    return found
  })
  // The characters of EUC-JP with seven bits, between escape sequences.
  const jis = () => [0x1b, 0x24, 0x42, ...bytes.map((byte) => byte & 0x7f), 0x1b, 0x28, 0x42]
  return new Uint8Array(isJis ? jis() : bytes)
}

test.each(CASES)('text in %s is read without a declared encoding, with a warning: %s', (encoding, text) => {
  const { text: decoded, warnings } = decodeText(encode(text, encoding))
  expect(decoded).toBe(text)
  expect(warnings).toEqual([expect.stringMatching(/^The encoding of the text was guessed: /)])
})

test('valid UTF-8 is UTF-8, whatever is declared', () => {
  const text = 'Größe – 大小'
  const bytes = new TextEncoder().encode(`<meta charset="windows-1252">${text}`)
  const read = decodeText(bytes, { charset: 'shift_jis', isMarkup: true })
  expect(read).toEqual({ text: `<meta charset="windows-1252">${text}`, warnings: [] })
})

test('a declaration counts where it fits: of the content type, and of a page, not of a text about pages', () => {
  const page = (bytes: readonly number[], label: string) =>
    new Uint8Array(Buffer.concat([Buffer.from(`<meta charset="${label}">`), Buffer.from(bytes)]))
  expect(decodeText(page([0xa4, 0xa4], 'big5'), { isMarkup: true }).text).toBe('<meta charset="big5">中')
  expect(decodeText(new Uint8Array([0xa4, 0xa4]), { charset: 'big5' }).text).toBe('中')
  expect(decodeText(page([0x63, 0x61, 0x66, 0xe9], 'big5')).text).toBe('<meta charset="big5">café')
  // HTML standard: it cannot be UTF-16 where its declaration can be read.
  expect(decodeText(page([0x78], 'utf-16'), { isMarkup: true }).text).toBe('<meta charset="utf-16">x')
})

test.each([
  ['a byte order mark of UTF-16', [0xff, 0xfe, 0x41, 0x00], 'A'],
  ['a byte order mark of UTF-8', [0xef, 0xbb, 0xbf, 0x41], 'A'],
])('%s decides', (_name, bytes, text) => {
  expect(decodeText(new Uint8Array(bytes))).toEqual({ text, warnings: [] })
})

test('UTF-8 with a damaged character stays UTF-8, and says what was lost', () => {
  const bytes = new TextEncoder().encode('Où étaient les élèves à la fin de l’été ?')
  const damaged = new Uint8Array([...bytes.subarray(0, 20), 0xff, ...bytes.subarray(20)])
  const read = decodeText(damaged)
  expect(read.text.replace('\ufffd', '')).toBe('Où étaient les élèves à la fin de l’été ?')
  expect(read.warnings).toEqual(['1 character of the text could not be decoded (utf-8).'])
  const cut = decodeText(new TextEncoder().encode('会议推迟到更晚的时间').subarray(0, -1))
  expect(cut.text).toBe('会议推迟到更晚的时\ufffd')
})

test('a few foreign words in an English text are enough for the guess', () => {
  const english = 'The conference moved to a later hour, because the train was late again.\n'.repeat(20)
  const read = (words: string, encoding: string) =>
    decodeText(
      new Uint8Array(
        Buffer.concat([Buffer.from(english), encode(`${words}\n`, encoding), Buffer.from(english)]),
      ),
    ).text
  expect(read('Москва Одесса', 'windows-1251')).toContain('Москва Одесса')
  expect(read('Москва Одесса', 'koi8-r')).toContain('Москва Одесса')
  expect(read('Αθήνα Πάτρα', 'windows-1253')).toContain('Αθήνα Πάτρα')
  expect(read('北京市区 大学', 'gbk')).toContain('北京市区 大学')
  expect(read('서울에서 부산', 'euc-kr')).toContain('서울에서 부산')
})

test('short texts of Polish, Hebrew, Japanese and Chinese are read as what they are', () => {
  expect(decodeText(encode('Ta notatka była pisana rano, są tu też inne.', 'windows-1250')).text).toContain(
    'są',
  )
  const maqaf = 'יש לפנות אל ה־IT של החברה לפני סגירת היישום'
  expect(decodeText(encode(maqaf, 'windows-1255')).text).toBe(maqaf)
  for (const encoding of ['shift_jis', 'euc-jp'])
    expect(decodeText(encode('添付ファイルを開く時に確認する', encoding)).text).toBe(
      '添付ファイルを開く時に確認する',
    )
  expect(decodeText(encode('尚未下載的訊息無法顯示在預覽窗格中', 'big5')).text).toBe(
    '尚未下載的訊息無法顯示在預覽窗格中',
  )
})

test('UTF-16 without a mark is read where characters end in a zero byte, as 一 and 가 do', () => {
  const korean = '가격이 5.3절에 있는 것처럼 가장 낮은 경우\n가게에서 가져가십시오.'
  const chinese = '这是一个“GNU”工程，一共有 30 个一级目录。\n一切以文件为准。'
  for (const encoding of ['utf-16le', 'utf-16be'])
    for (const text of [korean, chinese]) expect(decodeText(encode(text, encoding)).text).toBe(text)
})

test('a declaration of the western default does not make another script of it', () => {
  const page = (text: string, encoding: string) =>
    new Uint8Array(Buffer.concat([Buffer.from('<meta charset="iso-8859-1">'), encode(text, encoding)]))
  const russian = 'Заседание перенесли на более поздний час, потому что часть гостей приехала вечером.'
  const read = decodeText(page(russian, 'koi8-r'), { isMarkup: true })
  expect(read.text).toBe(`<meta charset="iso-8859-1">${russian}`)
  expect(read.warnings).toEqual(['The encoding of the text was guessed: koi8-r.'])
  const japanese = '会議は遅い時間に変更された。'
  expect(decodeText(page(japanese, 'iso-2022-jp'), { isMarkup: true }).text).toContain(japanese)
  const french = 'Le conseil a décidé que la réforme entrerait en vigueur dès l’été. Où étaient les élèves ?'
  expect(decodeText(page(french, 'windows-1252'), { isMarkup: true }).warnings).toEqual([])
})

test('zeros in a text have a warning', () => {
  const { warnings } = decodeText(new TextEncoder().encode('The mill\0\0 takes water.'))
  expect(warnings).toEqual(['The text holds 2 zero characters: the file may be damaged.'])
})

test('UTF-32 is read by its byte order mark, in both orders', () => {
  const text = 'The frost came. 迟来的霜 🍎'
  const points = Array.from(`\ufeff${text}`, (char) => char.codePointAt(0) ?? 0)
  const little = Buffer.from(Uint32Array.from(points).buffer)
  const big = Buffer.from(little).swap32()
  for (const bytes of [little, big]) expect(decodeText(bytes)).toEqual({ text, warnings: [] })
  const damaged = Buffer.concat([little, Buffer.from('ffffffff', 'hex')])
  expect(decodeText(damaged).text).toBe(`${text}\ufffd`)
})
