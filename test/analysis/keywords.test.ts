import { expect, test } from 'vitest'
import { findKeywords } from '../../src/analysis/write/extractive/keywords.ts'
import { Words } from '../../src/analysis/write/extractive/words.ts'

/** Texts say everything three times: what is repeated is a keyword. */
const keywords = (language: string, ...sentences: readonly string[]) =>
  findKeywords([...sentences, ...sentences, ...sentences], new Words(language))

test('a keyword has its most frequent form, and the capitals that it has inside of sentences', () => {
  const text = [
    'Gates protect the town of Rotterdam.',
    'Workers painted all gates, and one gate opens late.',
    'Pumps are new in Rotterdam; visitors like the pumps.',
    "Engineers watch Rotterdam's pumps and the DER of each level.",
    'Levels are sent as DER when old gates are closed.',
  ]
  const found = findKeywords(text, new Words('en'))
  expect(found).toEqual(expect.arrayContaining(['gates', 'Rotterdam', 'pumps', 'DER']))
  expect(found.join(' ')).not.toMatch(/Gates|Pumps|gate\b|['’]s/)
})

test('words that occur together are one keyword, with their hyphen, and not across a mark', () => {
  const found = keywords(
    'en',
    'The Congressional Gold Medal is a rare honour, medals of gold are not.',
    'Every Congressional Gold Medal has a just-in-time permit.',
    'It rained in the north, pumps ran.',
  )
  expect(found[0]).toBe('Congressional Gold Medal')
  expect(found).not.toContain('Gold Medal')
  expect(found.join(', ')).not.toContain('north pumps')
  expect(keywords('en', 'The x-ray tube is an x-ray source, said the guide.')).toContain('ray tube')
})

test('addresses and code are no keywords', () => {
  const found = keywords(
    'zh',
    '水泵的数据在 https://pumps.example/data 和 src/pumps/read.ts 里，&nbsp;from x import 水位。',
    '水泵的水位由 null 表示，水位升高时水泵启动。',
  )
  expect(found).toEqual(expect.arrayContaining(['水泵', '水位']))
  expect(found.join(' ')).not.toMatch(/http|example|src|nbsp|from|import|null/)
})

test('Chinese words are put together where the segmenter divides them', () => {
  const found = keywords(
    'zh',
    '扫地机器人清洁地板，扫地机器人很受欢迎。',
    '被告应当支付劳动合同二倍工资差额，劳动合同二倍工资差额共两万元。',
  )
  expect(found).toContain('扫地机器人')
  expect(found.some((term) => term.startsWith('劳动合同二倍工资'))).toBe(true)
  expect(found).not.toContain('扫地机器')
  expect(found).not.toContain('合同二倍')
})

test.each([
  ['de', 'Das Gesetz schützt die Deiche. Des Gesetzes wegen werden Deiche geprüft.', ['Deiche', 'Gesetz']],
  [
    'fr',
    'Le gouvernement protège les digues. Les digues du gouvernement sont là.',
    ['digues', 'gouvernement'],
  ],
  [
    'es',
    'La esclusa es nueva. Cada esclusa protege los diques, y los diques son altos.',
    ['diques', 'esclusa'],
  ],
  ['ru', 'Закон защищает дамбы. По закону дамбы проверяют. Законом это закреплено.', ['закон', 'дамбы']],
  ['ja', '水門は港を守っています。水門が閉まると港は安全です。そのために確認してください。', ['水門', '港']],
  ['ko', '수문은 항구를 지킨다. 수문이 닫히면 항구의 배가 안전하다. 수문을 닫았다.', ['수문', '항구']],
  ['th', 'ประตูน้ำป้องกันท่าเรือ ท่าเรือปลอดภัยเพราะประตูน้ำ', ['ท่าเรือ']],
  ['hi', 'द्वार बंदरगाह की रक्षा करता है। बंदरगाह का द्वार बंद है।', ['द्वार', 'बंदरगाह']],
  ['ar', 'تحمي البوابة الميناء. بوابة الميناء مغلقة، والبوابة جديدة.', ['البوابة', 'الميناء']],
])('the keywords of %s are words of the text in one form each', (language, text, expected) => {
  const found = keywords(language, text).map((term) => term.toLowerCase())
  const wanted = expected.map((term) => term.toLowerCase())
  for (const term of wanted.filter(({ length }) => length > 1)) expect(found.join(' ')).toContain(term)
  expect(found).toHaveLength(new Set(found).size)
  const other =
    /ください|しています|\bdes\b|\bles\b|\blos\b|ген|지킨다|닫았다|수문은|수문이|законом|gesetzes|\bes\b|\bsont\b/
  expect(found.join(' ')).not.toMatch(other)
})

test('a short text has keywords though nothing is repeated', () => {
  expect(findKeywords(['The gate of the basin closes at noon.'], new Words('en')).length).toBeGreaterThan(2)
})

test.each([
  ['en', 'a'],
  ['en', 'a@'],
  ['en', 'a/'],
  ['zh', '第'],
])('a text in %s of "%s" without an end takes time that grows with its length', (language, piece) => {
  const startedAt = process.cpuUsage()
  findKeywords([piece.repeat(1_000_000 / piece.length)], new Words(language))
  // A quadratic pattern takes minutes.
  expect(process.cpuUsage(startedAt).user / 1_000_000).toBeLessThan(3)
})
