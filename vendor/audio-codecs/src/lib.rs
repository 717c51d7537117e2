//! Symphonia's packet decoders behind a C interface.
//!
//! One decoder per instance: the host makes a new instance for every recording and throws it away afterwards, so a trap
//! in one decoder cannot reach another. Nothing is imported: no clock, no files, no randomness, no way out.
//!
//! The host writes a packet to the address `reserve` returned, calls `decode`, and reads planar float32 samples at
//! `output` (channel c starts at sample c * frames). A negative result means failure; `message` says why.

use std::cell::RefCell;

use symphonia_codec_adpcm::AdpcmDecoder;
use symphonia_core::audio::{layouts, Channels};
use symphonia_core::codecs::audio::well_known as id;
use symphonia_core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia_core::errors::{Error, Result};
use symphonia_core::packet::PacketRef;
use symphonia_core::units::{Duration, Timestamp};

#[derive(Default)]
struct State {
    input: Vec<u8>,
    output: Vec<f32>,
    message: String,
    decoder: Option<Box<dyn AudioDecoder>>,
    channels: u32,
    sample_rate: u32,
    /// Samples in a packet, where the codec cannot tell them from the packet itself (ADPCM).
    packet_frames: u32,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

fn with_state<T>(run: impl FnOnce(&mut State) -> T) -> T {
    STATE.with(|state| run(&mut state.borrow_mut()))
}

/// Room for `length` bytes of input. The address is valid until the next call of `reserve`.
#[no_mangle]
pub extern "C" fn reserve(length: u32) -> *mut u8 {
    with_state(|state| {
        state.input.resize(length as usize, 0);
        state.input.as_mut_ptr()
    })
}

/// Makes the decoder. The codec's private data are the first `extra_length` reserved bytes. 0 = made.
#[no_mangle]
pub extern "C" fn open(codec: u32, sample_rate: u32, channels: u32, packet_frames: u32, extra_length: u32) -> i32 {
    with_state(|state| {
        let made = make(codec, sample_rate, channels, packet_frames, &state.input[..extra_length as usize]);
        match made {
            Ok(decoder) => {
                state.packet_frames = packet_frames;
                state.decoder = Some(decoder);
                0
            }
            Err(error) => fail(state, error),
        }
    })
}

/// Decodes the first `length` reserved bytes as one packet. Returns the number of frames.
#[no_mangle]
pub extern "C" fn decode(length: u32) -> i32 {
    with_state(|state| {
        let Some(decoder) = state.decoder.as_mut() else { return -1 };
        let packet = PacketRef::new(0, Timestamp::ZERO, Duration::from(u64::from(state.packet_frames)), &state.input[..length as usize]);
        match decoder.decode_ref(&packet) {
            Ok(buffer) => {
                let frames = buffer.frames();
                let planes = buffer.num_planes();
                state.channels = planes as u32;
                state.sample_rate = buffer.spec().rate();
                state.output.resize(frames * planes, 0.0);
                if frames > 0 {
                    let mut slices: Vec<&mut [f32]> = state.output.chunks_exact_mut(frames).collect();
                    buffer.copy_to_slice_planar(&mut slices);
                }
                frames as i32
            }
            Err(error) => fail(state, error),
        }
    })
}

#[no_mangle]
pub extern "C" fn output() -> *const f32 {
    with_state(|state| state.output.as_ptr())
}

/// Channels of the last decoded packet.
#[no_mangle]
pub extern "C" fn channels() -> u32 {
    with_state(|state| state.channels)
}

/// Sample rate of the last decoded packet in Hz.
#[no_mangle]
pub extern "C" fn sample_rate() -> u32 {
    with_state(|state| state.sample_rate)
}

/// 1 when the stream has spectral band replication (HE-AAC), which is not decoded.
#[no_mangle]
pub extern "C" fn is_core_only() -> u32 {
    with_state(|state| {
        let profile = state.decoder.as_ref().and_then(|decoder| decoder.codec_params().profile);
        u32::from(profile == Some(id::profiles::CODEC_PROFILE_AAC_HE))
    })
}

/// UTF-8 text of the last failure.
#[no_mangle]
pub extern "C" fn message() -> *const u8 {
    with_state(|state| state.message.as_ptr())
}

#[no_mangle]
pub extern "C" fn message_length() -> u32 {
    with_state(|state| state.message.len() as u32)
}

fn fail(state: &mut State, error: Error) -> i32 {
    state.message = error.to_string();
    -1
}

fn make(codec: u32, sample_rate: u32, channels: u32, packet_frames: u32, extra: &[u8]) -> Result<Box<dyn AudioDecoder>> {
    let options = AudioDecoderOptions::default();
    let mut params = AudioCodecParameters::new();
    if sample_rate > 0 {
        params.with_sample_rate(sample_rate);
    }
    match channels {
        0 => {}
        1 => {
            params.with_channels(layouts::CHANNEL_LAYOUT_MONO);
        }
        2 => {
            params.with_channels(layouts::CHANNEL_LAYOUT_STEREO);
        }
        many => {
            params.with_channels(Channels::Discrete(many as u16));
        }
    }
    if packet_frames > 0 {
        let frames = u64::from(packet_frames);
        params.with_max_frames_per_packet(frames).with_frames_per_block(frames);
    }
    if !extra.is_empty() {
        params.with_extra_data(extra.into());
    }
    Ok(match codec {
        1 => Box::new(symphonia_bundle_mp3::MpaDecoder::try_new(params.for_codec(id::CODEC_ID_MP3), &options)?),
        2 => Box::new(symphonia_bundle_mp3::MpaDecoder::try_new(params.for_codec(id::CODEC_ID_MP2), &options)?),
        3 => Box::new(symphonia_codec_aac::AacDecoder::try_new(params.for_codec(id::CODEC_ID_AAC), &options)?),
        4 => Box::new(symphonia_bundle_flac::FlacDecoder::try_new(params.for_codec(id::CODEC_ID_FLAC), &options)?),
        5 => Box::new(symphonia_codec_vorbis::VorbisDecoder::try_new(params.for_codec(id::CODEC_ID_VORBIS), &options)?),
        6 => Box::new(symphonia_codec_alac::AlacDecoder::try_new(params.for_codec(id::CODEC_ID_ALAC), &options)?),
        7 => Box::new(AdpcmDecoder::try_new(params.for_codec(id::CODEC_ID_ADPCM_IMA_WAV), &options)?),
        8 => Box::new(AdpcmDecoder::try_new(params.for_codec(id::CODEC_ID_ADPCM_MS), &options)?),
        _ => return Err(Error::Unsupported("unknown codec number")),
    })
}
