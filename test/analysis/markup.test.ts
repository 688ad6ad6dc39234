import { expect, test } from 'vitest'
import { readText } from '../../src/analysis/parse/text/plain-text.ts'

const read = (text: string) => {
  const { title, sections } = readText(new TextEncoder().encode(text), 'utf-8')
  return {
    title,
    sections: sections.map(({ heading, paragraphs }) => [
      heading,
      ...paragraphs.map(({ kind, text: line }) => `${kind}: ${line}`),
    ]),
  }
}

test('the kind of a note in Markdown is no part of its text', () => {
  const note = '> [!IMPORTANT]\n> A gate holds the water back.\n\nIt opens [!] when the mill stands still.\n'
  expect(read(note).sections).toEqual([
    [null, 'quote: A gate holds the water back.', 'prose: It opens [!] when the mill stands still.'],
  ])
})

test('a picture that is inside of Markdown is no part of its text', () => {
  const picture = `![gate](data:image/jpeg;base64,${'/9j/4AAQ'.repeat(1000)}=)`
  expect(read(`${picture}\n\nA gate holds the water back. ${picture}\n`).sections).toEqual([
    [null, 'prose: A gate holds the water back.'],
  ])
})

/** In the quotation marks of TeX, which a template cannot hold. */
const OLD = "``old''"
const TEX = String.raw`\documentclass[11pt]{article}
\usepackage{amsmath} % for formulas
\title{On \emph{Gates}}
\begin{document}
\maketitle
\section{Water\label{sec:water}}
A gate holds the water back~\cite{miller1921}, as \textbf{the \emph{mill}} shows % not this
in Section~\ref{sec:water}. It costs 5\% of M\"uller's caf\'e.

\begin{equation}
  E = mc^2
\end{equation}
\begin{itemize}
  \item The first one is ${OLD}.
  \item The second has $n$ wheels.
\end{itemize}
\begin{verbatim}
x = 1
\end{verbatim}
\begin{figure}\includegraphics{a.png}\caption{Nothing}\end{figure}
\end{document}
After the end.`

test('LaTeX is read without its commands, formulas and figures', () => {
  expect(read(TEX)).toEqual({
    title: 'On Gates',
    sections: [
      [
        'Water',
        "prose: A gate holds the water back, as the mill shows in Section. It costs 5% of Müller's café.",
        'item: The first one is “old”.',
        'item: The second has n wheels.',
        'code: x = 1',
      ],
    ],
  })
})

test('tables of LaTeX are read by their rows, and arguments over several lines as one', () => {
  const tex = String.raw`\documentclass{article}
\title{On gates
and mills}
\begin{document}
\section{Water and % a comment
wheels}
\begin{longtable}[]{@{}
  >{\raggedright\arraybackslash}p{(\columnwidth - 2\tabcolsep) * \real{0.5}}
  l@{}}
\caption{Counts}\label{t}\\
\toprule
\begin{minipage}[b]{\linewidth}\raggedright
Kind
\end{minipage} & Weight \\
\midrule
\endfirsthead
Kind & Weight \\ \endhead
R\&D \textbf{apple} & 5\% \\[2pt] \hline
\end{longtable}
Before\footnote{A note that
goes on.} behind.
\end{document}`
  expect(read(tex)).toEqual({
    title: 'On gates and mills',
    sections: [
      [
        'Water and wheels',
        'table: Kind | Weight\nR&D apple | 5%',
        'prose: Before A note that goes on. behind.',
      ],
    ],
  })
})

const RST = `.. _gates:

=====
Gates
=====

A gate holds the water back, see :ref:\`the mill <mill>\` and \`the page <https://example.org>\`_.

.. image:: a.png
   :alt: A gate

Wheels
~~~~~~

.. note:: Wheels are of oak,
   and of iron later.

Call \`\`turn()\`\` like this::

.. code-block:: python
   :linenos:

   turn(1)

The end.
`

test('reStructuredText is read without its directives, roles and targets', () => {
  expect(read(RST)).toEqual({
    title: 'Gates',
    sections: [
      [null, 'prose: A gate holds the water back, see the mill and the page.'],
      [
        'Wheels',
        'prose: Wheels are of oak, and of iron later.',
        'prose: Call turn() like this:',
        'code: turn(1)',
        'prose: The end.',
      ],
    ],
  })
})

test.each([
  ['backslashes', `\\documentclass{a}\n\\begin{document}\n${'\\a{'.repeat(300_000)}`],
  ['backquotes', `.. a::\n\nT\n===\n\n${':a:`'.repeat(250_000)}`],
  ['brackets', `\\documentclass{a}\n\\begin{document}\n${'\\cite[['.repeat(150_000)}`],
])('a text of 1 MB of %s is read in time that grows with its length', (_name, text) => {
  const used = () => process.cpuUsage().user / 1000
  const before = used()
  read(text)
  expect(used() - before).toBeLessThan(10_000)
})
