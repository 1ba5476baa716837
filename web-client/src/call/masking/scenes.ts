// Calm backgrounds, drawn by ourselves in any size: nothing is fetched, and nobody's room is shown.

import type { Scene } from './messages'

type Canvas = OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D

/** Fills a canvas of this size with a scene. */
export function drawScene(canvas: Canvas, scene: Scene, width: number, height: number): void {
  canvas.save()
  // All scenes are drawn 16 wide and 9 high, and cover whatever shape the picture has.
  const size = Math.max(width / 16, height / 9)
  canvas.translate((width - 16 * size) / 2, height - 9 * size)
  canvas.scale(size, size)
  SCENE[scene](canvas)
  canvas.restore()
}

const SCENE: Readonly<Record<Scene, (canvas: Canvas) => void>> = {
  plain: (canvas) => {
    fill(canvas, 0, 0, 16, 9, fade(canvas, 0, 9, '#dfeae3', '#b9cfc3'))
    const light = canvas.createRadialGradient(5, 2, 0, 5, 2, 9)
    light.addColorStop(0, 'rgb(255 253 249 / 80%)')
    light.addColorStop(1, 'rgb(255 253 249 / 0%)')
    fill(canvas, 0, 0, 16, 9, light)
  },
  // The covered part of a school yard: posts, a roof, a tree in the sun.
  yard: (canvas) => {
    fill(canvas, 0, 0, 16, 9, fade(canvas, 0, 6, '#d5e6ea', '#f5ecd8'))
    disc(canvas, 12.6, 2.6, 0.8, '#f3cf7d')
    disc(canvas, 3.2, 4.6, 1.7, '#9fbf9f')
    disc(canvas, 4.6, 4.1, 1.9, '#8fb394')
    disc(canvas, 5.6, 5.1, 1.3, '#a9c6a6')
    fill(canvas, 4.3, 5.6, 0.35, 1.6, '#8a6f58')
    fill(canvas, 0, 7, 16, 2, fade(canvas, 7, 9, '#e6d5b8', '#d6c09c'))
    fill(canvas, 0, 6.9, 16, 0.12, '#c9b48f')
    for (const post of [0.6, 8, 15.1]) fill(canvas, post, 1.4, 0.32, 6.3, '#2f6b5a')
    fill(canvas, 0, 1.15, 16, 0.3, '#24584a')
    fill(canvas, 0, 0, 16, 1.15, fade(canvas, 0, 1.2, '#b7593d', '#c96f50'))
  },
  shelves: (canvas) => {
    fill(canvas, 0, 0, 16, 9, '#efe4d1')
    for (const [row, books] of SHELVES.entries()) {
      const floor = 2.6 + row * 2.75
      let left = 0.5 + (row % 2) * 0.4
      for (const [index, width] of books.entries()) {
        const height = 1.45 + ((index * 7 + row * 3) % 5) * 0.13
        fill(canvas, left, floor - height, width, height, BOOKS[(index * 3 + row * 2) % BOOKS.length] ?? '')
        left += width + (index % 4 === 3 ? 0.9 : 0.07)
      }
      fill(canvas, 0, floor, 16, 0.2, '#b99a73')
      fill(canvas, 0, floor + 0.2, 16, 0.14, 'rgb(90 62 30 / 12%)')
    }
  },
}

/** Widths of the books on each shelf. */
const SHELVES = [
  [0.5, 0.4, 0.55, 0.35, 0.6, 0.45, 0.4, 0.5, 0.35, 0.55, 0.5, 0.4, 0.6, 0.45, 0.5, 0.4, 0.5, 0.55],
  [0.45, 0.6, 0.4, 0.5, 0.4, 0.5, 0.6, 0.35, 0.5, 0.45, 0.4, 0.6, 0.5, 0.35, 0.45, 0.6, 0.4, 0.5],
  [0.6, 0.35, 0.5, 0.45, 0.5, 0.4, 0.35, 0.6, 0.5, 0.4, 0.45, 0.5, 0.4, 0.55, 0.6, 0.35, 0.5, 0.4],
]
const BOOKS = ['#7f9c8c', '#c98f74', '#d8b878', '#8fa3b8', '#a9857c', '#b9c0a0', '#6f8f86']

function fill(canvas: Canvas, x: number, y: number, width: number, height: number, style: string | CanvasGradient): void {
  canvas.fillStyle = style
  canvas.fillRect(x, y, width, height)
}

function disc(canvas: Canvas, x: number, y: number, radius: number, style: string): void {
  canvas.fillStyle = style
  canvas.beginPath()
  canvas.arc(x, y, radius, 0, 7)
  canvas.fill()
}

function fade(canvas: Canvas, top: number, bottom: number, above: string, below: string): CanvasGradient {
  const gradient = canvas.createLinearGradient(0, top, 0, bottom)
  gradient.addColorStop(0, above)
  gradient.addColorStop(1, below)
  return gradient
}
