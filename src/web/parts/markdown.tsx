import { Lexer, type Token, type Tokens } from 'marked'
import type { ComponentChildren } from 'preact'

/** Markdown as elements: nothing in it is ever HTML, so nothing in it can run. */
export function Markdown({ text }: { readonly text: string }) {
  return <div class="markdown">{blocks(new Lexer({ gfm: true }).lex(withoutFrontMatter(text)))}</div>
}

function withoutFrontMatter(text: string): string {
  return text.replace(/^---\n[\s\S]*?\n---\n/, '')
}

function blocks(tokens: readonly Token[]): ComponentChildren {
  return tokens.map((token, index) => <Block key={index} token={token} />)
}

const HEADINGS = ['h2', 'h3', 'h4', 'h5', 'h6', 'h6'] as const

function Block({ token }: { readonly token: Token }) {
  switch (token.type) {
    case 'heading': {
      // The page has an h1 of its own.
      const Heading = HEADINGS[(token as Tokens.Heading).depth - 1] ?? 'h6'
      return <Heading>{inline(token.tokens)}</Heading>
    }
    case 'paragraph':
      return <p>{inline(token.tokens)}</p>
    case 'blockquote':
      return <blockquote>{blocks(token.tokens ?? [])}</blockquote>
    case 'code':
      return (
        <pre tabIndex={0}>
          <code>{(token as Tokens.Code).text}</code>
        </pre>
      )
    case 'hr':
      return <hr />
    case 'list':
      return <List token={token as Tokens.List} />
    case 'table':
      return <Table token={token as Tokens.Table} />
    case 'space':
    case 'def':
      return null
    case 'text':
      return <>{token.tokens === undefined ? (token as Tokens.Text).text : inline(token.tokens)}</>
    default:
      return <p>{token.raw}</p>
  }
}

function List({ token: { ordered, start, items } }: { readonly token: Tokens.List }) {
  const shown = items.map((item, index) => <li key={index}>{blocks(item.tokens)}</li>)
  return ordered ? <ol start={Number(start) || 1}>{shown}</ol> : <ul>{shown}</ul>
}

function Table({ token: { header, rows } }: { readonly token: Tokens.Table }) {
  return (
    <div class="table-wrap" tabIndex={0} role="region" aria-label={header.map(({ text }) => text).join(', ')}>
      <table>
        <thead>
          <tr>
            {header.map((cell, index) => (
              <th scope="col" key={index}>
                {inline(cell.tokens)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column}>{inline(cell.tokens)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function inline(tokens: readonly Token[] | undefined): ComponentChildren {
  return tokens?.map((token, index) => <Inline key={index} token={token} />)
}

function Inline({ token }: { readonly token: Token }) {
  switch (token.type) {
    case 'strong':
      return <strong>{inline(token.tokens)}</strong>
    case 'em':
      return <em>{inline(token.tokens)}</em>
    case 'del':
      return <del>{inline(token.tokens)}</del>
    case 'codespan':
      return <code>{(token as Tokens.Codespan).text}</code>
    case 'br':
      return <br />
    case 'link': {
      const { href } = token as Tokens.Link
      return isWeb(href) ? (
        <a href={href} target="_blank" rel="noreferrer noopener">
          {inline(token.tokens)}
        </a>
      ) : (
        <>{inline(token.tokens)}</>
      )
    }
    case 'image':
      // Pictures of others would be requests to others.
      return <span class="note">{(token as Tokens.Image).text}</span>
    case 'escape':
      return <>{(token as Tokens.Escape).text}</>
    case 'text':
      return <>{token.tokens === undefined ? unescape((token as Tokens.Text).text) : inline(token.tokens)}</>
    default:
      return <>{token.raw}</>
  }
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }

function unescape(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => ENTITIES[name] ?? '')
}

function isWeb(href: string): boolean {
  return /^https?:\/\//i.test(href)
}
