/**
 * Script that gives a page a voice in place of its microphone: a tone that changes syllable by
 * syllable, with pauses, so that an encoder has as much to do as with speech and its silence
 * detection something to detect. The same `seed` says the same.
 */
export function voice(seed: number): string {
  return `(() => {
    const native = MediaDevices.prototype.getUserMedia
    MediaDevices.prototype.getUserMedia = function (constraints) {
      if (!constraints.audio) return native.call(this, constraints)
      const context = new AudioContext({ sampleRate: 48000 })
      const out = context.createMediaStreamDestination()
      const pitch = ${110 + 17 * seed}
      const tone = new OscillatorNode(context, { type: 'sawtooth', frequency: pitch })
      const mouth = new BiquadFilterNode(context, { type: 'bandpass', frequency: 700, Q: 0.7 })
      const breath = new GainNode(context, { gain: 0 })
      tone.connect(mouth).connect(breath).connect(out)
      let state = ${seed * 7919 + 1}
      const random = () => ((state = (state * 1103515245 + 12345) % 2147483648) / 2147483648)
      let at = context.currentTime
      for (let syllable = 0; syllable < 2000; syllable += 1) {
        breath.gain.setTargetAtTime(random() < 0.12 ? 0 : 0.2 + 0.8 * random(), at, 0.03)
        mouth.frequency.setTargetAtTime(400 + 2000 * random(), at, 0.04)
        tone.frequency.setTargetAtTime(pitch * (0.85 + 0.3 * random()), at, 0.05)
        at += 0.12 + 0.15 * random()
      }
      tone.start()
      return Promise.resolve(out.stream)
    }
  })()`
}
