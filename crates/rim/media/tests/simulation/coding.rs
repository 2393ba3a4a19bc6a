//! Dependency descriptors of pictures in two temporal layers, and in one size or two (AV1 RTP payload format, appendix A).

use super::film::Shot;

/// Fields of so many bits each, the most significant first.
fn packed(fields: &[(u32, u32)]) -> Vec<u8> {
    let bit = |value: u32, at: u32| (value.checked_shr(at).unwrap_or(0) & 1) as u8;
    let bits: Vec<u8> =
        fields.iter().flat_map(|(value, count)| (0..*count).rev().map(move |at| bit(*value, at))).collect();
    bits.chunks(8).map(|chunk| chunk.iter().enumerate().fold(0, |byte, (at, bit)| byte | bit << (7 - at))).collect()
}

/// Which template a picture follows: of each size the key picture, those of the lower and those of the upper temporal layer.
fn template(shot: &Shot) -> u8 {
    let spatial = if shot.scalable { shot.layer } else { 0 };
    3 * spatial + if shot.key_frame { 0 } else { 1 + shot.temporal }
}

/// How many templates there are.
pub(crate) const fn templates(scalable: bool) -> u8 {
    if scalable { 6 } else { 3 }
}

/// Which templates and decode targets there are. The upper size depends on the lower in key pictures only.
fn structure(scalable: bool, offset: u8) -> Vec<(u32, u32)> {
    let (layers, indications, references): (&[u32], &[&[u32]], &[u32]) = if scalable {
        (
            &[0, 1, 2, 0, 1, 3],
            &[&[2, 2, 2, 2], &[2, 2, 0, 0], &[0, 1, 0, 0], &[0, 0, 2, 2], &[0, 0, 2, 2], &[0, 0, 0, 1]],
            &[0, 4, 2, 1, 4, 2],
        )
    } else {
        (&[0, 1, 3], &[&[2, 2], &[2, 2], &[0, 1]], &[0, 2, 1])
    };
    let targets = u32::try_from(indications[0].len()).unwrap();
    let mut fields = vec![(u32::from(offset), 6), (targets - 1, 5)];
    fields.extend(layers.iter().map(|next| (*next, 2)));
    fields.extend(indications.iter().copied().flatten().map(|indication| (*indication, 2)));
    for distance in references {
        fields.extend((*distance > 0).then(|| (0b1_0000 | (distance - 1), 5)));
        fields.push((0, 1));
    }
    // A chain for each size; with two there is a bit for each target that says which protects it. Then no sizes.
    fields.push((2, 2));
    fields.extend([(0, 1), (0, 1), (1, 1), (1, 1)].into_iter().filter(|_| scalable));
    let chains = u32::from(scalable) + 1;
    fields.push((0, 4 * chains * u32::from(templates(scalable))));
    fields.push((0, 1));
    fields
}

/// Of one packet. Key pictures bring the structure. `reduced` if it tells whether only the decode targets of the smaller of two
/// sizes are sent.
pub(crate) fn descriptor(shot: &Shot, offset: u8, reduced: Option<bool>) -> Vec<u8> {
    let template = (offset + template(shot)) % 64;
    let mut fields = vec![
        (u32::from(shot.first), 1),
        (u32::from(shot.last), 1),
        (u32::from(template), 6),
        (u32::from(shot.picture_id), 16),
    ];
    let structured = shot.first && shot.key_frame && (shot.layer == 0 || !shot.scalable);
    if structured || reduced.is_some() {
        fields.push((u32::from(structured) << 4 | u32::from(reduced.is_some()) << 3, 5));
    }
    if structured {
        fields.extend(structure(shot.scalable, offset));
    }
    fields.extend(reduced.map(|reduced| (if reduced { 0b0011 } else { 0b1111 }, 4)));
    packed(&fields)
}
