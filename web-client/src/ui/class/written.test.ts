import { describe, expect, it } from 'vitest'
import { lengthOf, piecesOf, plain } from './written'

const links = (text: string) => piecesOf(text).filter(({ href }) => href !== null)

describe('addresses in a text', () => {
  it.each([
    ['voir https://example.org/a?b=1#c ensuite', 'https://example.org/a?b=1#c'],
    ['https://example.org.', 'https://example.org'],
    ['(https://fr.wikipedia.org/wiki/Eau_(chimie))', 'https://fr.wikipedia.org/wiki/Eau_(chimie)'],
    ['« http://example.org/é »', 'http://example.org/é'],
    ['HTTPS://EXAMPLE.ORG !', 'HTTPS://EXAMPLE.ORG'],
    ['https://example.org/a,b;', 'https://example.org/a,b'],
  ])('of %j are shown as written', (text, address) => {
    expect(links(text).map(({ text }) => text)).toEqual([address])
  })

  it.each([
    'javascript:alert(1)',
    'data:text/html,<script>1</script>',
    'ftp://example.org',
    'file:///etc/passwd',
    'example.org',
    'xhttps://example.org',
    'https://',
    'https://..',
    'https://banque.example@ailleurs.example',
    'https://u:p@example.org',
    'vbscript:https',
  ])('are none in %j', (text) => {
    expect(links(text)).toEqual([])
    expect(piecesOf(text).map((piece) => piece.text).join('')).toBe(text)
  })

  it('lead to the web only, whatever is written around them', () => {
    for (const { href } of links('https://a.example/javascript:alert(1) http://b.example/"onclick=1 <https://c.example>')) {
      expect(href).toMatch(/^https?:\/\/[abc]\.example\//)
    }
  })

  it('leave the text as it was, put together again', () => {
    const text = 'a https://b.example, c\nhttp://d.example/(e) f https://u@v https://g.example'
    expect(piecesOf(text).map((piece) => piece.text).join('')).toBe(text)
    expect(piecesOf('')).toEqual([])
  })

  it('are found at once in a text of 64 KiB', () => {
    expect(piecesOf(`https://example.org/${')'.repeat(65_536)}`)[0]?.text).toBe('https://example.org/')
  })
})

describe('a text to send', () => {
  it('is trimmed, keeps its lines, and loses what the server refuses', () => {
    expect(plain('  un\r\ndeux\rtrois\t4 ')).toBe('un\ndeux\ntrois\t4')
    expect(plain('a\u202eb\u2067c\ufeffd\u0000e\u001b[2Jf')).toBe('abcde[2Jf')
    expect(plain('\ufeff \n')).toBe('')
  })

  it('is as long as the server counts it', () => {
    expect([lengthOf('é'.repeat(40)), lengthOf('👏👏'), lengthOf('')]).toEqual([40, 2, 0])
  })
})
