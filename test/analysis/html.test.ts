import { expect, test } from 'vitest'
import { readHtml } from '../../src/analysis/parse/html/html.ts'

const filler =
  'This sentence fills the paragraph with enough words, commas, and more words to look like an article. '

function page(body: string): Uint8Array {
  return new TextEncoder().encode(`<!DOCTYPE html><html><head><title>A page</title></head><body>
    <nav><ul><li><a href="/">Home of the menu</a></li><li><a href="/about">About the menu</a></li></ul></nav>
    <article><h1>A page</h1><p>${filler.repeat(4)}</p>${body}<p>${filler.repeat(4)}</p></article>
    <footer><p>Footer with cookies and a newsletter.</p></footer><script>var hidden = 1</script></body></html>`)
}

test('the article is read by its headings, menus and scripts are not', () => {
  const { title, sections } = readHtml(
    page('<h2>Section</h2><p>First &amp; last.</p><ul><li>An item of a list.</li></ul>'),
  )
  const text = JSON.stringify(sections)
  expect(title).toBe('A page')
  expect(sections.map((section) => section.heading)).toContain('Section')
  expect(text).toContain('First & last.')
  expect(text).toContain('An item of a list.')
  for (const noise of ['menu', 'newsletter', 'hidden']) expect(text).not.toContain(noise)
})

test('tables and code are told apart from running text, reference marks are left out', () => {
  const { sections } = readHtml(
    page(
      '<p>Known<sup>[12]</sup> fact.</p><table><tr><th>Name</th><th>cell name</th></tr><tr><td>a</td><td>cell value</td></tr></table><pre>let code = 1</pre>',
    ),
  )
  const found = sections.flatMap(({ paragraphs }) => paragraphs.map(({ kind, text }) => [kind, text]))
  expect(found.slice(1, 4)).toEqual([
    ['prose', 'Known fact.'],
    ['table', 'Name | cell name\na | cell value'],
    ['code', 'let code = 1'],
  ])
})

test('a page without an article is read whole, with a note of it', () => {
  const { sections, warnings } = readHtml(new TextEncoder().encode('<html><body><p>Short.</p></body></html>'))
  expect(JSON.stringify(sections)).toContain('Short.')
  expect(warnings.length).toBeLessThanOrEqual(1)
})

test('the mark of a heading that leads to itself is left out', () => {
  const page =
    '<html><body><article><h2>Gates<a class="headerlink" href="#gates">¶</a></h2><p>They hold water.</p></article></body></html>'
  const { sections } = readHtml(new TextEncoder().encode(page))
  expect(sections.map(({ heading }) => heading)).toContain('Gates')
})

test('a page whose elements are in disorder is read as far as there is text', () => {
  const page =
    '<!DOCTYPE html><html><head><title>Water</title><m<p>The mill takes water.</p></html><body><p>A gate holds it.</p>'
  const { sections } = readHtml(new TextEncoder().encode(page))
  expect(JSON.stringify(sections)).toContain('A gate holds it.')
})

test('a Chinese heading with the Latin words of the title stays', () => {
  const paragraph = `<p>${'安装程序会检查内存，然后引导系统，并且把软件包复制到硬盘上。'.repeat(8)}</p>`
  const page = `<html><head><title>Linux 安装手册</title></head><body><article>${['Linux 的硬件', 'Linux 的网络'].map((heading) => `<h2>${heading}</h2>${paragraph}`).join('')}</article></body></html>`
  const { sections } = readHtml(new TextEncoder().encode(page))
  expect(sections.map(({ heading }) => heading)).toEqual(['Linux 的硬件', 'Linux 的网络'])
})

test('a page that ends in the middle is read as far as it goes, and says so', () => {
  const page = `<!DOCTYPE html><html><body><p>${'The mill takes as much water as it can. '.repeat(4)}</p>`
  const end = 'The page ends in the middle: a part of the text may be missing.'
  const warningsOf = (text: string) => readHtml(new TextEncoder().encode(text)).warnings
  expect(warningsOf(`${page}</body></html>`)).not.toContain(end)
  for (const cut of [page, `${page}<p class="ti`, `${page}<!-- a note </body>`]) {
    expect(warningsOf(cut), cut.slice(-20)).toContain(end)
  }
})

test('a page that is all in a comment without an end has no text', () => {
  const { sections } = readHtml(
    new TextEncoder().encode('<!DOCTYPE html><!-- <html><body><p>Text.</p></body></html>'),
  )
  expect(sections).toEqual([])
})

test('a page whose elements are inside each other too deeply keeps its text, and has a warning', () => {
  const deep = (count: number) =>
    `<html><body><p>The gate holds the water back.</p>${'<div>'.repeat(count)}<p>The mill takes it.</p>${'</div>'.repeat(count)}<p>The end comes late.</p></body></html>`
  const linesOf = (html: string) =>
    readHtml(new TextEncoder().encode(html)).sections.flatMap(({ paragraphs }) =>
      paragraphs.map(({ text }) => text),
    )
  const warningsOf = (html: string) => readHtml(new TextEncoder().encode(html)).warnings.join(' ')
  for (const count of [100, 190, 1000, 5000]) {
    const text = linesOf(deep(count)).join(' ')
    expect(text).toContain('The mill takes it.')
    expect(text).toContain('The end comes late.')
    expect(warningsOf(deep(count)).includes('more deeply than is read')).toBe(count > 190)
  }
})

test('a text that was put on the web as it was typed is prose, code is not', () => {
  const law =
    'The gate shall hold the water back. The owner of the mill\nshall open it at noon, and close it before dark.\n\n'
  const clauses = `(a) ${'in the case of a mill that has no gate of its own, '.repeat(30)}or\n\n`.repeat(6)
  const code = 'const gate = open(water); // The gate. Opens\nif (gate.isOpen) close(gate, { at: noon });\n'
  const { sections } = readHtml(
    page(`<pre>${law.repeat(10)}${clauses}</pre><pre>${code.repeat(20)}</pre><pre>${law}</pre>`),
  )
  const found = sections.flatMap(({ paragraphs }) => paragraphs)
  const typed = found.filter(({ kind, text }) => kind === 'prose' && text.startsWith('The gate shall'))
  expect(typed.map(({ text }) => text)).toEqual(Array<string>(10).fill(law.replaceAll('\n', ' ').trim()))
  expect(found.filter(({ kind }) => kind === 'code')).toHaveLength(2)
})
