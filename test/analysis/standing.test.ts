import { expect, test } from 'vitest'
import { readText } from '../../src/analysis/parse/text/plain-text.ts'
import { extractReport } from '../../src/analysis/write/extractive/extract.ts'
import { isLeaning } from '../../src/analysis/write/extractive/leaning.ts'
import { findQuotes, sentencesOf, type Sentence } from '../../src/analysis/write/extractive/sentences.ts'
import { findStanding, isApparatus, isNotice } from '../../src/analysis/write/extractive/standing.ts'
import { renderHtml } from '../../src/analysis/render/report-html.ts'
import { reportRequest } from '../support/report.ts'

const read = (text: string) => readText(new TextEncoder().encode(text))
const report = (text: string) => extractReport(read(text), reportRequest(), () => undefined)
const textsOf = (text: string, language: string) => sentencesOf(read(text), language).map((each) => each.text)
const sentence = (text: string): Sentence => ({
  text,
  page: null,
  seconds: null,
  section: 0,
  order: 0,
  follows: false,
  closed: null,
})

test.each([
  'Permission is hereby granted to copy this manual in any medium.',
  'A copy of the GNU General Public License is part of the archive.',
  'This program is released under the MIT license.',
  'The pumps come without any warranty.',
  'Copyright 2024 the harbour office.',
  'Keywords flood, gate, tide, storm, forecast, warning.',
  'The rest of this paper describes the pumps.',
  'This site uses cookies to count its visitors.',
  'Subscribe to the letters of the harbour office.',
  '版权所有，未经书面许可不得使用。',
  '欢迎关注港务局的公众号。',
  '大家可以扫描下面的二维码报名参加。',
  '关键词：闸门，水泵，风暴潮，预警系统。',
  '原告港务局的委托诉讼代理人周明到庭参加诉讼。',
  '如不服本判决，可在判决书送达之日起十五日内提起上诉。',
  '案件受理费一百元，由被告负担。',
])('a notice, not a sentence of the subject: %s', (text) => expect(isNotice(text)).toBe(true))

test.each([
  'The keeper baked cookies for the crew of the night shift.',
  'The port granted permission to open the gate at noon.',
  'The gate was rebuilt under the supervision of two engineers.',
  '闸门的维护需要港务局的许可。',
])('no notice: %s', (text) => expect(isNotice(text)).toBe(false))

test.each([
  ['A.1 GNU Free Documentation License', true],
  ['License', true],
  ['ADDENDUM: How to use this License for your documents', true],
  ['The licence of a pilot', false],
  ['7. References', true],
  ['3.2 Acknowledgements', true],
  ['许可证', true],
  ['免责声明', true],
  ['Licensing of ship pilots since 1930', false],
  ['Notes on the tide', false],
  ['目录服务的设计', false],
  [null, false],
])('the section %j is about the text: %j', (heading, expected) => {
  expect(isApparatus(heading)).toBe(expected)
})

test.each([
  ['a question', 'Why did the gate not close in time?'],
  ['an exclamation', 'The gate of the northern basin closed in time!'],
  ['half a quotation', 'The gate, said the keeper, “closed in time.'],
  ['what leads to the next line', 'The gates of the basin are closed in the order given below.'],
  ['what leads to another text', 'For more information on the gates write to the harbour office.'],
  ['what announces a list', 'The following gates of the basin are closed in the winter.'],
  ['a greeting', 'Welcome to the yearly meeting of the harbour office.'],
  ['a hole of a formula', 'The level is given by , where the wind is left out.'],
  ['a label', 'Returns: the number of gates that are open.'],
  ['a Chinese label', '预防办法：给窗户和阳台安装防护装置。'],
  ['steps', '先做三件事：1、关闭北港的闸门；2、启动全部水泵；3、通知班组。'],
  ['a mark in brackets', '[Function] structure points to the gate that is opened.'],
  ['identifiers', 'The function open_gate opens the gate of the basin.'],
  ['a clause without its main clause', 'Although the gate of the basin was closed in time.'],
  ['a Chinese clause without its main clause', '由于北港的闸门在风暴潮来临之前没有关闭。'],
  ['the parameter of a function', 'level: the level at which the gate is closed.'],
  ['a title and its text', 'Build Your Own - Get the drawings of the gate and build it.'],
  ['a thing without a verb', 'A gate of the northern basin, which closes in a storm.'],
  ['a name without a verb', 'Distinguished Gate Rules (DGR) support of the basin.'],
  ['a sign before a name', '连墙角都能扫干净的闸门清洗机器人@Cleaner。'],
  ['what is shared', '最近看到一篇关于闸门的文章，很有意思，分享给大家。'],
  ['a row of nouns', 'Remote control of the gate by one crew in the north.'],
  ['an invitation', 'Please feel free to ask the keeper of the gate.'],
  ['an order to the reader', 'Click the gate to open the list of its keepers.'],
  ['the words of a talk', 'The gate is, you know, sort of closed in time.'],
  ['a Chinese order to the reader', '点击闸门的图标，会显示一张表格。'],
  ['a Chinese concession without its main clause', '虽然闸门已经关闭，水位继续上升到四米。'],
  ['the description of a thing', '一个开源的闸门控制软件，支持远程操作。'],
  ['what leads to the next lines', '在开始之前，让我们来看看北港的闸门。'],
  ['the words of a Chinese talk', '闸门就是说在风暴潮来临之前已经关闭了嘛。'],
  ['a Chinese hole', '所有闸门的水位都设置为 ，因此需要重新校准。'],
  ['a Chinese pointer', '各个闸门的维护周期和负责人如下。'],
])('%s counts less: %s', (_name, text) => {
  expect(findStanding(sentence(text), 'en')).toBeLessThan(1)
  expect(findStanding(sentence('The gate of the northern basin closed in time.'), 'en')).toBe(1)
  expect(findStanding(sentence('北港的闸门在风暴潮来临之前已经关闭。'), 'zh')).toBe(1)
})

const GATES = `The tide gate protects the northern basin from storm tides. The tide gate closes when the storm forecast is
above four metres. A crew of the harbour office looks after the tide gate and its pumps.`

test('the terms of a document are not in its report, unless it is about nothing else', () => {
  const terms = `Permission is granted to copy this manual and the tide gate drawings in any medium. You may copy the tide
gate manual of the storm basin if you copy its licence.`
  const made = report(
    `# Gates\n\n${terms}\n\n## Use\n\n${GATES}\n\n## License\n\n${GATES.replaceAll('gate', 'licence')}`,
  )
  expect(made.markdown).toContain('protects the northern basin')
  expect(made.markdown).not.toMatch(/Permission|tide licence/)
  expect(report(`# Terms\n\n## License\n\n${GATES}`).summary).toContain('tide gate')
})

test.each([
  [
    'en',
    '(CNN) -- The gate of the northern basin was closed early.',
    'The gate of the northern basin was closed early.',
  ],
  [
    'en',
    'ROTTERDAM, Netherlands (Reuters) - The gate of the basin was closed.',
    'The gate of the basin was closed.',
  ],
  ['en', '(2) The second pump of the basin starts at noon.', 'The second pump of the basin starts at noon.'],
  [
    'zh',
    '新华社上海1月3日电（记者张三）北港的闸门在风暴潮来临之前已经关闭。',
    '北港的闸门在风暴潮来临之前已经关闭。',
  ],
  ['zh', '二、港务局应当在六个月之内更换全部水泵。', '港务局应当在六个月之内更换全部水泵。'],
  ['zh', '（三）巡检记录应当在当天之内录入系统。', '巡检记录应当在当天之内录入系统。'],
])('a sentence begins behind its number and its place, in %s: %s', (language, text, expected) =>
  expect(textsOf(text, language)).toEqual([expected]),
)

test('an address in angle brackets leaves no hole in a sentence', () => {
  expect(
    textsOf('The drawings of the gate are at <https://gate.example/plans> in four formats.', 'en'),
  ).toEqual([])
  const made = readText(Buffer.from('The drawings are at <https://gate.example/plans> as files.'))
  expect(made.sections[0]?.paragraphs[0]?.text).toContain('https://gate.example/plans')
})

test('a Chinese line without a full stop, and an item of a list, are known as such', () => {
  const text =
    '港务局北港闸门年度维护工作汇报\n\n- 更换三台老旧水泵并调试远程控制系统\n\n闸门控制系统已经改为远程操作。'
  expect(sentencesOf(read(text), 'zh').map(({ closed }) => closed)).toEqual(['line', 'item', null])
  expect(textsOf('委托代理人：周明，男，律师。', 'zh')).toEqual([])
  const [labelled] = sentencesOf(read('方案：使用低优先级关闭北港的全部闸门'), 'zh')
  expect(labelled).toMatchObject({ text: '使用低优先级关闭北港的全部闸门。', closed: 'item' })
})

test('a sentence follows the one before when nothing was left out between them', () => {
  const text =
    'The gate was closed before the storm. Why? It was opened again nine hours later. It held well until the next morning.'
  expect(sentencesOf(read(text), 'en').map(({ follows }) => follows)).toEqual([false, false, true])
})

test('words that carry nothing are no keywords of a Chinese talk', () => {
  const talk = '那么我觉得你的闸门其实应该改造。然后你的水泵那么旧，我觉得闸门和水泵其实需要更换。'.repeat(3)
  expect(report(talk).keywords.join(' ')).not.toMatch(/你的|那么|觉得|然后|其实|应该/)
  expect(report(talk).keywords.join(' ')).toMatch(/闸门/)
})

test.each([
  'The gate broke in the storm.',
  'Returns the level of the gate.',
  'A crew of three men, who live nearby, keeps the gate.',
])('%s has a verb', (text) => expect(findStanding(sentence(text), 'en')).toBe(1))

test('the parameters of a function are sentences of their own, and none of prose', () => {
  const text = 'The real level of the gate is returned through this pointer. level: the level of the gate.'
  expect(textsOf(text, 'en')).toEqual(['The real level of the gate is returned through this pointer.'])
})

test('a question in quotation marks does not say who speaks', () => {
  const text =
    '“You said that it came from the group of the keeper?” “They closed the gate before the storm came in,” said the keeper.'
  const quotes = findQuotes(sentencesOf(read(text), 'en'), new Set()).map((each) => each.text)
  expect(quotes).toHaveLength(1)
  expect(quotes[0]).toContain('said the keeper')
})

test.each([
  ['ru', 'Поэтому ворота закрыты.', true],
  ['ru', 'Ворота закрыты с утра.', false],
  ['it', 'Questa porta resta chiusa.', true],
  ['pt', 'Portanto a comporta fecha.', true],
  ['nl', 'Daarom blijft de sluis dicht.', true],
  ['ja', 'しかし水門は閉まりませんでした。', true],
  ['ja', '水門は閉まりました。', false],
  ['ko', '그러나 수문은 닫히지 않았다.', true],
  ['zh', '刚才提到的闸门已经关闭。', true],
  ['zh', '至于北港的闸门，已经关闭。', true],
  ['en', 'Since that time, the gate has been closed.', true],
  ['en', 'As I said, the gate was closed.', true],
  ['en', 'Two hours before, the gate was closed.', true],
])('in %s, %j leans on the sentence before: %j', (language, text, expected) =>
  expect(isLeaning(text, language)).toBe(expected),
)

test.each([
  ['hi', 'ज्वार द्वार तूफान के समय बंद किया जाता है। पंप उसके बाद पानी बाहर निकालते हैं।', 2],
  ['th', 'ประตูกันน้ำของท่าเรือถูกปิดเมื่อมีพายุ เครื่องสูบน้ำใหม่ระบายน้ำออกได้เร็วกว่าเดิม', 2],
  ['ar', 'تغلق بوابة المد في الحوض الشمالي عند العاصفة. هل أغلقت البوابة في الوقت المناسب؟', 2],
  ['ko', '북항의 방조문은 폭풍이 오면 닫힌다. 항만청은 낡은 펌프를 모두 교체했다.', 2],
])('whole sentences of %s', (language, text, count) => expect(textsOf(text, language)).toHaveLength(count))

test.each([
  [
    'hi',
    'ज्वार द्वार तूफान के समय बंद किया जाता है। द्वार के पंप पानी निकालते हैं।'.repeat(3),
    /(?:^|, )(?:के|है|हैं)(?:,|$)/,
  ],
  [
    'ar',
    'تغلق بوابة المد في الحوض عند العاصفة. تضخ المضخات المياه من الحوض في الشتاء.'.repeat(3),
    /(?:^|, )(?:في|من|عند)(?:,|$)/,
  ],
])('stop words of %s are no keywords', (language, text, stopWords) => {
  const made = report(text)
  expect(made.language).toBe(language)
  expect(made.keywords.join(', ')).not.toMatch(stopWords)
  expect(made.keywords.length).toBeGreaterThan(1)
})

test('the caption of a picture is no sentence', () => {
  expect(textsOf('图 3-1 北港闸门远程控制系统的总体结构', 'zh')).toEqual([])
  expect(textsOf('图 3 的曲线说明水位在风暴之后迅速下降。', 'zh')).toHaveLength(1)
})

test('a quote has both of its marks', () => {
  const whole = '“The gate held for nine hours and nobody was hurt,” said the old keeper.'
  const half = '“The pumps were too small for such a storm, said the younger keeper.'
  const quotes = findQuotes(sentencesOf(read(`${whole} ${half}`), 'en'), new Set())
  expect(quotes.map(({ text }) => text)).toEqual([whole])
})

test('the page of a report leads to its sections, and nowhere else', () => {
  const made = report(
    ['Gates', 'Pumps <img src=x>', 'Crews']
      .map(
        (name) =>
          `## ${name} [home](https://gate.example)\n\n${GATES.replaceAll('gate', `gate of ${name.slice(0, 5)}`)}`,
      )
      .join('\n\n')
      .repeat(3),
  )
  const page = renderHtml(made)
  const links = [...page.matchAll(/href="([^"]*)"/g)].map(([, href = '']) => href)
  expect(links.length).toBeGreaterThan(3)
  for (const href of links) {
    expect(href).toMatch(/^#part-\d+$/)
    expect(page).toContain(` id="${href.slice(1)}"`)
  }
  expect(page).not.toMatch(/<img|gate\.example"/)
  expect(page.indexOf('<nav')).toBeLessThan(page.indexOf('<h2'))
  expect(renderHtml(report(GATES))).not.toContain('<nav')
})

test('a text of short sentences is not repeated as its own summary', () => {
  const names = [
    'northern',
    'southern',
    'eastern',
    'western',
    'inner',
    'outer',
    'upper',
    'lower',
    'old',
    'new',
  ]
  const sentences = names.map((name) => `The ${name} gate has its own pump.`)
  const parts = Array.from({ length: 100 }, (_, index) => `- spare part ${index}`)
  const made = report(`# Gates\n\n## State\n\n${sentences.join(' ')}\n\n## Parts\n\n${parts.join('\n')}`)
  expect(made.length).toMatchObject({ sentences: 10 })
  expect(made.length.words).toBeGreaterThan(300)
  expect(made.summary.match(/The /g)?.length).toBeLessThanOrEqual(5)
})
