/*
 * Audio decoders of FFmpeg behind a C interface, the same as that of ../audio-codecs.
 *
 * One decoder per instance: the host makes a new instance for every recording and throws it away afterwards, so a trap
 * in one decoder cannot reach another. Nothing is imported: no clock, no files, no randomness, no way out.
 *
 * The host writes a packet to the address `reserve` returned, calls `decode`, and reads planar float32 samples at
 * `output` (channel c starts at sample c * frames). A negative result means failure; `message` says why.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "libavcodec/avcodec.h"
#include "libavutil/channel_layout.h"
#include "libavutil/mem.h"
#include "libavutil/random_seed.h"

#define EXPORT(name) __attribute__((export_name(#name)))

/* A packet of any codec here decodes to far less: a second of 192 kHz. */
#define MAX_FRAMES 192000

static uint8_t *input;
static uint32_t input_size;
static float *output;
static AVCodecContext *decoder;
static AVPacket *packet;
static AVFrame *frame;
static int channel_count, rate;
static uint32_t speaker_mask;
static char text[128];

static int fail(int error)
{
    av_strerror(error, text, sizeof text);
    return -1;
}

/* Some decoder asks for a seed of its noise: decoding is the same each time, and needs no clock. */
uint32_t av_get_random_seed(void)
{
    return 1;
}

/* What the C library would ask its host for: there is nothing to ask for. 52 is "not supported". */
#define HOST(name) __imported_wasi_snapshot_preview1_##name
int32_t HOST(environ_get)(int32_t a, int32_t b) { return 52; }
int32_t HOST(environ_sizes_get)(int32_t a, int32_t b) { return 52; }
int32_t HOST(clock_time_get)(int32_t a, int64_t b, int32_t c) { return 52; }
int32_t HOST(fd_close)(int32_t a) { return 52; }
int32_t HOST(fd_fdstat_get)(int32_t a, int32_t b) { return 52; }
int32_t HOST(fd_seek)(int32_t a, int64_t b, int32_t c, int32_t d) { return 52; }
int32_t HOST(fd_write)(int32_t a, int32_t b, int32_t c, int32_t d) { return 52; }
_Noreturn void HOST(proc_exit)(int32_t a) { __builtin_trap(); }

/* Numbers of `src/engine/audio/codec/ffmpeg.ts`. */
static const enum AVCodecID ids[] = {
    AV_CODEC_ID_NONE,         AV_CODEC_ID_AAC,        AV_CODEC_ID_AAC_LATM,   AV_CODEC_ID_AC3,
    AV_CODEC_ID_EAC3,         AV_CODEC_ID_DTS,        AV_CODEC_ID_AMR_NB,     AV_CODEC_ID_AMR_WB,
    AV_CODEC_ID_GSM,          AV_CODEC_ID_GSM_MS,     AV_CODEC_ID_WMAV1,      AV_CODEC_ID_WMAV2,
    AV_CODEC_ID_WMAPRO,       AV_CODEC_ID_WMAVOICE,   AV_CODEC_ID_WMALOSSLESS, AV_CODEC_ID_ADPCM_G722,
    AV_CODEC_ID_ADPCM_G726,   AV_CODEC_ID_G723_1,     AV_CODEC_ID_G729,       AV_CODEC_ID_TRUESPEECH,
    AV_CODEC_ID_QCELP,        AV_CODEC_ID_EVRC,       AV_CODEC_ID_SPEEX,
};

/* Room for `length` bytes of input. The address is valid until the next call. */
EXPORT(reserve) uint8_t *reserve(uint32_t length)
{
    if (length > input_size || !input) {
        av_free(input);
        input = av_malloc(length + AV_INPUT_BUFFER_PADDING_SIZE);
        if (!input)
            __builtin_trap();
        input_size = length;
    }
    memset(input + length, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    return input;
}

/* Makes the decoder. The codec's private data are the first `extra_length` reserved bytes. 0 = made. */
EXPORT(open) int open_decoder(uint32_t codec, uint32_t sample_rate, uint32_t channels, uint32_t block_bytes,
                              uint32_t extra_length, uint32_t bit_rate, uint32_t sample_bits)
{
    int error;
    const AVCodec *found = codec < sizeof ids / sizeof *ids ? avcodec_find_decoder(ids[codec]) : NULL;
    av_log_set_level(AV_LOG_QUIET);
    decoder = avcodec_alloc_context3(found);
    packet = av_packet_alloc();
    frame = av_frame_alloc();
    if (!found || !decoder || !packet || !frame || extra_length > 1 << 20)
        return fail(AVERROR(EINVAL));
    decoder->sample_rate = sample_rate;
    if (channels)
        av_channel_layout_default(&decoder->ch_layout, channels);
    decoder->block_align = block_bytes;
    decoder->bit_rate = bit_rate;
    decoder->bits_per_coded_sample = sample_bits;
    decoder->max_samples = MAX_FRAMES;
    decoder->thread_count = 1;
    if (extra_length) {
        decoder->extradata = av_mallocz(extra_length + AV_INPUT_BUFFER_PADDING_SIZE);
        if (!decoder->extradata)
            return fail(AVERROR(ENOMEM));
        memcpy(decoder->extradata, input, extra_length);
        decoder->extradata_size = extra_length;
    }
    error = avcodec_open2(decoder, found, NULL);
    return error < 0 ? fail(error) : 0;
}

static float sample_at(int channel, int index)
{
    int planar = av_sample_fmt_is_planar(frame->format);
    const uint8_t *plane = frame->extended_data[planar ? channel : 0];
    int at = planar ? index : index * frame->ch_layout.nb_channels + channel;
    switch (av_get_packed_sample_fmt(frame->format)) {
    case AV_SAMPLE_FMT_U8:
        return (plane[at] - 128) / 128.0f;
    case AV_SAMPLE_FMT_S16:
        return ((const int16_t *)plane)[at] / 32768.0f;
    case AV_SAMPLE_FMT_S32:
        return ((const int32_t *)plane)[at] / 2147483648.0f;
    case AV_SAMPLE_FMT_FLT:
        return ((const float *)plane)[at];
    default:
        return 0;
    }
}

/* Decodes the first `length` reserved bytes as one packet; none = the end. Returns the number of frames. */
EXPORT(decode) int decode(uint32_t length)
{
    float *parts = NULL;
    int frames = 0, error;
    packet->data = input;
    packet->size = length;
    error = avcodec_send_packet(decoder, length ? packet : NULL);
    if (error < 0)
        return fail(error);
    while ((error = avcodec_receive_frame(decoder, frame)) >= 0) {
        int count = frame->ch_layout.nb_channels, added = frame->nb_samples;
        float *joined;
        /* A change of shape inside one packet: only the frames of the last shape are kept. */
        if (count != channel_count || frame->sample_rate != rate)
            frames = 0;
        if (count < 1 || count > 64 || frames + added > MAX_FRAMES) {
            free(parts);
            return fail(AVERROR_INVALIDDATA);
        }
        joined = malloc(sizeof(float) * count * (frames + added) + 1);
        if (!joined)
            __builtin_trap();
        for (int c = 0; c < count; c++) {
            if (frames)
                memcpy(joined + c * (frames + added), parts + c * frames, sizeof(float) * frames);
            for (int i = 0; i < added; i++)
                joined[c * (frames + added) + frames + i] = sample_at(c, i);
        }
        free(parts);
        parts = joined;
        frames += added;
        channel_count = count;
        rate = frame->sample_rate;
        speaker_mask = frame->ch_layout.order == AV_CHANNEL_ORDER_NATIVE ? frame->ch_layout.u.mask : 0;
        av_frame_unref(frame);
    }
    free(output);
    output = parts;
    if (error == AVERROR(EAGAIN) || error == AVERROR_EOF)
        return frames;
    return fail(error);
}

EXPORT(output) float *decoded(void)
{
    return output;
}

/* Channels of the last decoded packet. */
EXPORT(channels) int channels(void)
{
    return channel_count;
}

/* Sample rate of the last decoded packet in Hz. */
EXPORT(sample_rate) int sample_rate(void)
{
    return rate;
}

/* WAVE mask of the speakers of the last decoded packet, 0 when they are not named. */
EXPORT(speakers) uint32_t speakers(void)
{
    return speaker_mask;
}

/* Text of the last failure. */
EXPORT(message) const char *message(void)
{
    return text;
}

EXPORT(message_length) uint32_t message_length(void)
{
    return strlen(text);
}
