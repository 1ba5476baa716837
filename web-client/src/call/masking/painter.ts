// Puts a picture together: the person as they are, and something else behind them. Until a network
// tells who is the person, everything is blurred.

import type { Backdrop, Scene } from './messages'
import { Matte } from './matte'
import type { Network } from './network'
import { drawScene } from './scenes'

/** Paints one frame after the other. */
export class Painter {
  private network: Network | null = null
  private matte: Matte | null = null
  private readonly whole = canvasOf()
  private readonly person = canvasOf()
  private readonly mask = canvasOf()
  private readonly small = canvasOf(true)
  private readonly veil = canvasOf()
  private readonly soft = canvasOf()
  private readonly scene = canvasOf()
  private drawn: Scene | null = null

  /** From now on people can be told from what is behind them. */
  use(network: Network): void {
    this.network = network
    this.matte = new Matte(network.width, network.height)
  }

  /** Everything blurred, so that nobody and nothing can be recognised. */
  veiled(frame: CanvasImageSource, width: number, height: number): OffscreenCanvas {
    this.fit(width, height)
    this.paintVeil(frame)
    return this.whole.canvas
  }

  /** The person before `backdrop`; everything blurred while there is no network. */
  masked(frame: CanvasImageSource, width: number, height: number, backdrop: Backdrop): OffscreenCanvas {
    const { network, matte } = this
    if (network === null || matte === null) return this.veiled(frame, width, height)
    this.fit(width, height)
    const inner = contained(width, height, network.width, network.height)
    resize(this.small, network.width, network.height)
    this.small.drawImage(frame, inner.x, inner.y, inner.width, inner.height)
    const { data } = this.small.getImageData(0, 0, network.width, network.height)
    const alpha = matte.take(network.run(data))

    resize(this.mask, network.width, network.height)
    this.mask.putImageData(alpha, 0, 0)
    this.person.globalCompositeOperation = 'copy'
    this.person.drawImage(this.mask.canvas, inner.x, inner.y, inner.width, inner.height, 0, 0, width, height)
    this.person.globalCompositeOperation = 'source-in'
    this.person.drawImage(frame, 0, 0, width, height)

    if (backdrop === 'blur') this.paintVeil(frame)
    else this.whole.drawImage(this.sceneOf(backdrop), 0, 0)
    this.whole.drawImage(this.person.canvas, 0, 0)
    return this.whole.canvas
  }

  private paintVeil(frame: CanvasImageSource): void {
    const { width, height } = this.whole.canvas
    // So few pixels that nothing is left to recognise; enlarged in two steps, which rounds them off.
    const scale = VEIL_PIXELS / Math.max(width, height)
    resize(this.veil, Math.max(Math.round(width * scale), 1), Math.max(Math.round(height * scale), 1))
    resize(this.soft, this.veil.canvas.width * 4, this.veil.canvas.height * 4)
    this.soft.drawImage(frame, 0, 0, this.soft.canvas.width, this.soft.canvas.height)
    this.veil.drawImage(this.soft.canvas, 0, 0, this.veil.canvas.width, this.veil.canvas.height)
    this.soft.drawImage(this.veil.canvas, 0, 0, this.soft.canvas.width, this.soft.canvas.height)
    this.whole.drawImage(this.soft.canvas, 0, 0, width, height)
  }

  private sceneOf(scene: Scene): OffscreenCanvas {
    const { width, height } = this.whole.canvas
    if (this.drawn !== scene || this.scene.canvas.width !== width || this.scene.canvas.height !== height) {
      this.scene.canvas.width = width
      this.scene.canvas.height = height
      drawScene(this.scene, scene, width, height)
      this.drawn = scene
    }
    return this.scene.canvas
  }

  private fit(width: number, height: number): void {
    resize(this.whole, width, height)
    resize(this.person, width, height)
  }
}

/** Where a picture of one shape stands whole inside another. */
export function contained(
  width: number,
  height: number,
  outerWidth: number,
  outerHeight: number,
): { x: number; y: number; width: number; height: number } {
  const scale = Math.min(outerWidth / width, outerHeight / height)
  const inner = { width: Math.round(width * scale), height: Math.round(height * scale) }
  return { x: Math.floor((outerWidth - inner.width) / 2), y: Math.floor((outerHeight - inner.height) / 2), ...inner }
}

function canvasOf(willReadFrequently = false): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently })
  if (context === null) throw new Error('no canvas')
  context.imageSmoothingQuality = 'medium'
  return context
}

/** Changing the size of a canvas empties it and forgets its settings. */
function resize(context: OffscreenCanvasRenderingContext2D, width: number, height: number): void {
  if (context.canvas.width === width && context.canvas.height === height) return
  context.canvas.width = width
  context.canvas.height = height
  context.imageSmoothingQuality = 'medium'
}

/** Longer side of the blurred picture in pixels. Higher: a face or a line of text could be made out. */
const VEIL_PIXELS = 36
