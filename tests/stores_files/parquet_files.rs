//! Parquet files, written by Arrow and by Parquet's own column writers.

use std::sync::Arc;

use arrow_array::builder::{Int32Builder, MapBuilder, StringBuilder, StringDictionaryBuilder};
use arrow_array::types::*;
use arrow_array::*;
use arrow_schema::{DataType, Field, IntervalUnit};
use jiff::tz::TimeZone;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int96, Int96Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use recon::stores::parquet::ParquetSource;
use recon::stores::{Column, ColumnKind, ErrorClass, Settings};

use super::*;

fn write_with(columns: Vec<(&str, ArrayRef)>, properties: WriterProperties) -> Vec<u8> {
    let records = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, records.schema(), Some(properties)).unwrap();
    writer.write(&records).unwrap();
    writer.close().unwrap();
    bytes
}

fn write(columns: Vec<(&str, ArrayRef)>) -> Made {
    file("a.parquet", write_with(columns, WriterProperties::default()))
}

fn source(made: &Made) -> ParquetSource {
    ParquetSource::new(made.path.clone(), Settings::default())
}

/// The values of one column, written and read back.
fn round(array: impl Array + 'static) -> Vec<String> {
    let made = write(vec![("v", Arc::new(array))]);
    all(&mut source(&made), &["v"]).into_iter().flatten().collect()
}

pub fn two_columns() -> Made {
    write(vec![("id", Arc::new(Int64Array::from(vec![1]))), ("net", Arc::new(Int64Array::from(vec![2])))])
}

pub fn five_rows() -> Made {
    let net = Int64Array::from(vec![Some(2), Some(3), Some(4), None, Some(6)]);
    write(vec![("id", Arc::new(Int64Array::from_iter_values(1..=5))), ("net", Arc::new(net))])
}

#[test]
fn decimals_of_every_width_keep_scale_and_digits() {
    let d32 = Decimal32Array::from(vec![Some(-150), None]).with_precision_and_scale(9, 2).unwrap();
    assert_eq!(round(d32), ["Decimal -1.50", "NULL"]);
    let d64 = Decimal64Array::from(vec![123_456_789_012_345_678]).with_precision_and_scale(18, 4).unwrap();
    assert_eq!(round(d64), ["Decimal 12345678901234.5678"]);
    let d128 = Decimal128Array::from(vec![98_765_432_109_876_543_210_987_654_321_098_765_432, 0, -1])
        .with_precision_and_scale(38, 10)
        .unwrap();
    assert_eq!(
        round(d128),
        ["Decimal 9876543210987654321098765432.1098765432", "Decimal 0.0000000000", "Decimal -0.0000000001"]
    );
    type Wide = <Decimal256Type as ArrowPrimitiveType>::Native;
    let digits = "9".repeat(76);
    let d256 = [Wide::from_string(&format!("-{digits}")).unwrap(), Wide::from_i128(7)];
    let d256 = Decimal256Array::from_iter_values(d256).with_precision_and_scale(76, 30).unwrap();
    let shown = format!("Decimal -{}.{}", &digits[..46], &digits[46..]);
    assert_eq!(round(d256), [shown.as_str(), "Decimal 0.000000000000000000000000000007"]);
}

#[test]
fn numbers_and_truth_values() {
    assert_eq!(round(Int8Array::from(vec![i8::MIN])), ["Integer -128"]);
    assert_eq!(round(Int16Array::from(vec![i16::MIN])), ["Integer -32768"]);
    assert_eq!(round(Int32Array::from(vec![Some(i32::MAX), None])), ["Integer 2147483647", "NULL"]);
    assert_eq!(round(Int64Array::from(vec![i64::MIN])), ["Integer -9223372036854775808"]);
    assert_eq!(round(UInt8Array::from(vec![u8::MAX])), ["Integer 255"]);
    assert_eq!(round(UInt16Array::from(vec![u16::MAX])), ["Integer 65535"]);
    assert_eq!(round(UInt32Array::from(vec![u32::MAX])), ["Integer 4294967295"]);
    assert_eq!(round(UInt64Array::from(vec![u64::MAX])), ["Integer 18446744073709551615"]);
    assert_eq!(round(Float64Array::from(vec![0.1, -0.0, f64::NAN])), ["Double 0.1", "Double -0", "Double NaN"]);
    assert_eq!(round(Float32Array::from(vec![0.1, f32::INFINITY])), ["Double 0.1", "Double Infinity"]);
    type Half = <Float16Type as ArrowPrimitiveType>::Native;
    assert_eq!(round(Float16Array::from_iter_values([Half::from_f32(1.5)])), ["Double 1.5"]);
    assert_eq!(round(BooleanArray::from(vec![Some(true), None])), ["boolean true", "NULL"]);
    assert_eq!(round(NullArray::new(2)), ["NULL", "NULL"]);
}

#[test]
fn texts_and_bytes() {
    assert_eq!(round(StringArray::from(vec![Some("po_2 "), Some(""), None])), ["Text `po_2 `", "Text ``", "NULL"]);
    assert_eq!(round(LargeStringArray::from(vec!["é"])), ["Text `é`"]);
    assert_eq!(round(StringViewArray::from(vec![Some("a text of more than 12 bytes"), None]))[1], "NULL");
    assert_eq!(round(BinaryArray::from(vec![b"\x00\xff".as_slice()])), ["bytes 0x00ff"]);
    assert_eq!(round(LargeBinaryArray::from(vec![b"\xff".as_slice()])), ["bytes 0xff"]);
    assert_eq!(round(BinaryViewArray::from(vec![b"\xff".as_slice()])), ["bytes 0xff"]);
    let fixed = FixedSizeBinaryArray::try_from_iter([[1u8, 2], [3, 4]].into_iter()).unwrap();
    assert_eq!(round(fixed), ["bytes 0x0102", "bytes 0x0304"]);
    let mut dictionary = StringDictionaryBuilder::<Int8Type>::new();
    dictionary.append_value("KRW");
    dictionary.append_null();
    dictionary.append_value("KRW");
    assert_eq!(round(dictionary.finish()), ["Text `KRW`", "NULL", "Text `KRW`"]);
}

#[test]
fn dates_instants_and_times() {
    assert_eq!(round(Date32Array::from(vec![20_762, -1])), ["date 2026-11-05", "date 1969-12-31"]);
    let day = 86_400_000;
    assert_eq!(
        round(Date64Array::from(vec![day, -day, day + 1])),
        ["date 1970-01-02", "date 1969-12-31", "Instant/3 1970-01-02T00:00:00.001Z"]
    );
    assert_eq!(round(TimestampSecondArray::from(vec![1])), ["Instant/0 1970-01-01T00:00:01Z"]);
    assert_eq!(round(TimestampMillisecondArray::from(vec![-1])), ["Instant/3 1969-12-31T23:59:59.999Z"]);
    assert_eq!(round(TimestampMicrosecondArray::from(vec![1])), ["Instant/6 1970-01-01T00:00:00.000001Z"]);
    assert_eq!(round(TimestampNanosecondArray::from(vec![1])), ["Instant/9 1970-01-01T00:00:00.000000001Z"]);
    assert_eq!(round(Time32SecondArray::from(vec![79_200])), ["Time/0 22:00:00"]);
    assert_eq!(round(Time32MillisecondArray::from(vec![1])), ["Time/3 00:00:00.001"]);
    assert_eq!(round(Time64MicrosecondArray::from(vec![1])), ["Time/6 00:00:00.000001"]);
    assert_eq!(round(Time64NanosecondArray::from(vec![1])), ["Time/9 00:00:00.000000001"]);
    assert!(round(DurationSecondArray::from(vec![1]))[0].starts_with("Unknown: the Parquet type Duration"));
    let interval = IntervalYearMonthArray::from(vec![Some(1), None]);
    assert_eq!(*interval.data_type(), DataType::Interval(IntervalUnit::YearMonth));
    let shown = round(interval);
    assert!(shown[0].starts_with("Unknown: the Parquet type Interval"), "{shown:?}");
    assert_eq!(shown[1], "NULL");
}

#[test]
fn a_timestamp_without_zone_is_local_time_and_one_with_zone_is_not() {
    // 2026-07-01T12:00, and 2026-03-29T02:30, which Berlin's clocks skip.
    let values = vec![1_782_907_200_000, 1_774_751_400_000];
    let made = write(vec![
        ("local", Arc::new(TimestampMillisecondArray::from(values.clone()))),
        ("utc", Arc::new(TimestampMillisecondArray::from(values).with_timezone("Asia/Seoul"))),
    ]);
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let settings = Settings { zone, ..Settings::default() };
    let rows = all(&mut ParquetSource::new(made.path.clone(), settings), &["local", "utc"]);
    assert_eq!(rows[0], ["Instant/3 2026-07-01T10:00:00Z", "Instant/3 2026-07-01T12:00:00Z"]);
    assert!(rows[1][0].starts_with("Unknown: the local time 2026-03-29T02:30:00 does not exist"), "{}", rows[1][0]);
    assert_eq!(rows[1][1], "Instant/3 2026-03-29T02:30:00Z");
}

fn amounts() -> StructArray {
    let field = |name: &str, kind| Arc::new(Field::new(name, kind, true));
    let net = Decimal128Array::from(vec![Some(1_000_000_000_000_000_001), None, Some(5), Some(6)])
        .with_precision_and_scale(38, 2)
        .unwrap();
    let inner = StructArray::new(
        vec![field("d.ate", DataType::Date32)].into(),
        vec![Arc::new(Date32Array::from(vec![1, 2, 3, 4]))],
        Some(vec![true, false, true, true].into()),
    );
    StructArray::new(
        vec![
            field("net", DataType::Decimal128(38, 2)),
            field("memo", DataType::Utf8),
            Arc::new(Field::new("inner", inner.data_type().clone(), true)),
        ]
        .into(),
        vec![Arc::new(net), Arc::new(StringArray::from(vec!["say \"hi\"", "", "\n", "é"])), Arc::new(inner)],
        Some(vec![true, true, false, true].into()),
    )
}

#[test]
fn structs_are_documents_and_their_parts_columns() {
    let made = write(vec![("id", Arc::new(Int32Array::from(vec![1, 2, 3, 4]))), ("amount", Arc::new(amounts()))]);
    let mut source = source(&made);
    let wish = Wish { paths: vec!["amount.net".into(), "amount.inner.d.ate".into(), "amount.no".into(), "id".into()] };
    let opened = source.open(&wish).unwrap();
    let column = |name: &str, kind| Column { name: name.into(), kind };
    assert_eq!(
        opened.columns,
        [
            column("id", ColumnKind::Number),
            column("amount", ColumnKind::Document),
            column("amount.net", ColumnKind::Number),
            column("amount.inner.d.ate", ColumnKind::Instant),
        ]
    );
    let sent = read(&mut source, &request(&["amount.net", "amount", "amount.inner.d.ate"]));
    sent.end.unwrap();
    assert_eq!(
        sent.rows,
        strings(&[
            &[
                "Decimal 10000000000000000.01",
                r#"Json {"net":{"$numberDecimal":"10000000000000000.01"},"memo":"say \"hi\"","inner":{"d.ate":{"$date":"1970-01-02T00:00:00Z"}}}"#,
                "date 1970-01-02"
            ],
            &["NULL", r#"Json {"net":null,"memo":"","inner":null}"#, "NULL"],
            &["NULL", "NULL", "NULL"],
            &[
                "Decimal 0.06",
                r#"Json {"net":{"$numberDecimal":"0.06"},"memo":"é","inner":{"d.ate":{"$date":"1970-01-05T00:00:00Z"}}}"#,
                "date 1970-01-05"
            ],
        ])
    );
    // A part alone: only its leaf is read, and the others cannot shift it.
    assert_eq!(all(&mut source, &["amount.inner.d.ate"])[3], ["date 1970-01-05"]);
    let sent = read(&mut source, &request(&["amount.gross"]));
    assert_error(sent.end, ErrorClass::Usage, &["no column `amount.gross`", "id, amount"]);
}

#[test]
fn lists_and_maps_are_documents() {
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![Some(vec![Some(1), None]), None, Some(vec![])]);
    assert_eq!(round(list), ["Json [1,null]", "NULL", "Json []"]);
    let large = LargeListArray::from_iter_primitive::<UInt64Type, _, _>(vec![Some(vec![Some(u64::MAX)])]);
    assert_eq!(round(large), ["Json [18446744073709551615]"]);
    let fixed = FixedSizeListArray::from_iter_primitive::<Float64Type, _, _>(vec![Some(vec![Some(0.1), Some(2.0)])], 2);
    assert_eq!(round(fixed), [r#"Json [{"$numberDouble":"0.1"},{"$numberDouble":"2"}]"#]);
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for (rows, key) in [(1, "a"), (0, ""), (1, "b\"")] {
        (0..rows).for_each(|_| map.keys().append_value(key));
        (0..rows).for_each(|_| map.values().append_value(7));
        map.append(rows > 0).unwrap();
    }
    assert_eq!(round(map.finish()), [r#"Json {"a":7}"#, "NULL", r#"Json {"b\"":7}"#]);
    let mut map = MapBuilder::new(None, Int32Builder::new(), StringBuilder::new());
    map.keys().append_value(1);
    map.values().append_null();
    map.append(true).unwrap();
    assert_eq!(round(map.finish()), [r#"Json [{"key":1,"value":null}]"#]);
    let durations = ListArray::from_iter_primitive::<DurationSecondType, _, _>(vec![Some(vec![Some(1)])]);
    assert!(round(durations)[0].starts_with("Unknown: the Parquet type Duration"));
}

#[test]
fn lists_stay_whole_when_records_are_sent_in_parts() {
    // Large enough that one decoded batch is sent in several parts, which are slices of the same array.
    let item = |n: usize| format!("{n:04}").repeat(3_000);
    let mut builder = arrow_array::builder::ListBuilder::new(StringBuilder::new());
    for n in 0..2_000 {
        (0..n % 3).for_each(|_| builder.values().append_value(item(n)));
        builder.append(n % 5 > 0);
    }
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let made = file("a.parquet", write_with(vec![("v", Arc::new(builder.finish()))], properties));
    let rows = all(&mut source(&made), &["v"]);
    for (n, row) in rows.iter().enumerate() {
        let expected = match n % 5 {
            0 => "NULL".to_owned(),
            _ => format!("Json [{}]", vec![format!("\"{}\"", item(n)); n % 3].join(",")),
        };
        assert!(row[0] == expected, "row {n}");
    }
    assert_eq!(rows.len(), 2_000);
}

/// A file written column by column, for types that Arrow does not write.
fn write_raw(message: &str, write: impl Fn(usize, &mut parquet::file::writer::SerializedColumnWriter<'_>)) -> Made {
    let schema = Arc::new(parse_message_type(message).unwrap());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut at = 0;
    while let Some(mut column) = group.next_column().unwrap() {
        write(at, &mut column);
        column.close().unwrap();
        at += 1;
    }
    group.close().unwrap();
    writer.close().unwrap();
    file("a.parquet", bytes)
}

#[test]
fn logical_types_that_arrow_does_not_know() {
    let message = "message m { required fixed_len_byte_array(16) u (UUID); required binary j (JSON); \
                   required binary b (BSON); required binary e (ENUM); }";
    let made = write_raw(message, |at, column| {
        let values: [&[u8]; 2] = match at {
            1 => [br#"{"net":1.50}"#, b"{"],
            2 => [b"\x0c\x00\x00\x00\x10a\x00\x07\x00\x00\x00\x00", b"\x05"],
            _ => [b"PAID", b"\xff"],
        };
        if at == 0 {
            let values = [FixedLenByteArray::from((0..16).collect::<Vec<u8>>()), vec![0u8; 16].into()];
            column.typed::<FixedLenByteArrayType>().write_batch(&values, None, None).unwrap();
        } else {
            let values = values.map(|v| ByteArray::from(v.to_vec()));
            column.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
        }
    });
    let mut source = source(&made);
    let kinds: Vec<_> = open(&mut source).unwrap().columns.iter().map(|c| c.kind).collect();
    assert_eq!(kinds, [ColumnKind::Uuid, ColumnKind::Document, ColumnKind::Document, ColumnKind::Text]);
    let rows = all(&mut source, &["u", "b", "e"]);
    assert_eq!(rows[0], ["uuid 00010203-0405-0607-0809-0a0b0c0d0e0f", r#"Bson {"a":7}"#, "Text `PAID`"]);
    assert!(rows[1][1].starts_with("Unknown: BSON"));
    assert_eq!(rows[1][2], "Unknown: text that is not valid UTF-8");
    let rows = all(&mut source, &["j"]);
    assert_eq!(rows[0], [r#"Json {"net":1.50}"#]);
    assert!(rows[1][0].starts_with("Unknown: not valid JSON"));
}

#[test]
fn old_96_bit_timestamps_do_not_wrap_around() {
    const EPOCH: u32 = 2_440_588;
    let message = "message m { required int96 t; optional group s { required int96 t; } }";
    // 1970, 9999-12-31, 1600-01-01: the last two lie beyond what 64 bits of nanoseconds hold.
    let days = [EPOCH, EPOCH + 2_932_896, EPOCH - 135_140];
    let made = write_raw(message, |at, column| {
        let nanos: u64 = 86_399_999_999_999;
        let value = |day: &u32| {
            let mut value = Int96::new();
            value.set_data(nanos as u32, (nanos >> 32) as u32, *day);
            value
        };
        let values = days.iter().map(value).collect::<Vec<_>>();
        let levels = (at == 1).then_some([1i16; 3]);
        column.typed::<Int96Type>().write_batch(&values, levels.as_ref().map(|l| l.as_slice()), None).unwrap();
    });
    let expected = [
        "Instant/9 1970-01-01T23:59:59.999999999Z",
        "Instant/9 9999-12-31T23:59:59.999999999Z",
        "Instant/9 1600-01-01T23:59:59.999999999Z",
    ];
    let rows = all(&mut source(&made), &["t", "s.t", "s"]);
    for (row, expected) in rows.iter().zip(expected) {
        assert_eq!(row[..2], [expected, expected]);
        assert!(row[2].starts_with("Unknown: \"t\": a 96-bit timestamp inside a document"), "{}", row[2]);
    }
    assert_eq!(rows.len(), 3);
}

fn many(rows: i64, groups: usize, compression: Compression) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_max_row_group_row_count(Some(rows as usize / groups))
        .set_data_page_row_count_limit(1_000)
        .set_write_batch_size(500)
        .set_dictionary_enabled(false)
        .build();
    let net = Decimal128Array::from_iter_values((0..rows).map(|n| i128::from(n) * 7919))
        .with_precision_and_scale(38, 4)
        .unwrap();
    let memo = StringArray::from_iter_values((0..rows).map(|n| format!("memo {n}")));
    write_with(
        vec![("id", Arc::new(Int64Array::from_iter_values(0..rows))), ("net", Arc::new(net)), ("memo", Arc::new(memo))],
        properties,
    )
}

#[test]
fn every_record_of_every_row_group_and_codec_comes_once() {
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::ZSTD(Default::default()),
        Compression::LZ4_RAW,
    ];
    for codec in codecs {
        let made = file("a.parquet", many(10_007, 3, codec));
        let mut source = source(&made);
        assert_eq!(open(&mut source).unwrap().estimated_records, Some(10_007));
        let rows = all(&mut source, &["id", "net", "memo"]);
        assert_eq!(rows.len(), 10_007);
        for (n, row) in rows.iter().enumerate() {
            let digits = format!("{:05}", n * 7919);
            let (whole, fraction) = digits.split_at(digits.len() - 4);
            let expected = [format!("Integer {n}"), format!("Decimal {whole}.{fraction}"), format!("Text `memo {n}`")];
            assert_eq!(*row, expected, "{codec}");
        }
    }
    let none = write(vec![("id", Arc::new(Int64Array::from(Vec::<i64>::new())))]);
    assert!(all(&mut source(&none), &["id"]).is_empty());
}

#[test]
fn a_file_that_is_cut_short_or_no_parquet_is_an_error() {
    let whole = many(2_000, 2, Compression::SNAPPY);
    for content in
        [&[][..], b"PAR1", b"id,net\n1,2\n", &whole[..whole.len() / 2], &whole[..whole.len() - 1], &whole[5_000..]]
    {
        let made = file("a.parquet", content);
        let mut source = source(&made);
        let end = open(&mut source).and_then(|_| read(&mut source, &request(&["id"])).end);
        assert_error(end, ErrorClass::Failed, &["is not a Parquet file, or is damaged or cut short", "a.parquet"]);
    }
}

#[test]
fn a_damaged_page_fails_after_the_records_before_it() {
    let whole = many(20_000, 1, Compression::SNAPPY);
    // The pages of `id` come first; one in the middle of them loses 40 bytes.
    let mut damaged = whole.clone();
    let at = whole.len() / 8;
    damaged[at..at + 40].iter_mut().for_each(|byte| *byte = !*byte);
    let made = file("a.parquet", damaged);
    let mut source = source(&made);
    open(&mut source).unwrap();
    let sent = read(&mut source, &request(&["id"]));
    assert_error(sent.end, ErrorClass::Failed, &["damaged"]);
    assert!(!sent.rows.is_empty() && sent.rows.len() < 20_000, "{}", sent.rows.len());
    let expected: Vec<_> = (0..sent.rows.len()).map(|n| vec![format!("Integer {n}")]).collect();
    assert_eq!(sent.rows, expected);
}

#[test]
fn no_damaged_byte_makes_the_reader_panic_or_end_early() {
    let whole = many(300, 2, Compression::SNAPPY);
    for at in (0..whole.len()).step_by(37) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        let made = file("a.parquet", damaged);
        let mut source = source(&made);
        if open(&mut source).is_err() {
            continue;
        }
        let sent = read(&mut source, &request(&["id", "net", "memo"]));
        assert!(sent.end.is_err() || sent.rows.len() == 300, "byte {at}: {} records look complete", sent.rows.len());
    }
}

#[test]
fn two_columns_of_one_name_are_refused() {
    let field = || Field::new("id", DataType::Int64, false);
    let schema = Arc::new(arrow_schema::Schema::new(vec![field(), field()]));
    let column = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
    let records = RecordBatch::try_new(schema.clone(), vec![column(), column()]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, None).unwrap();
    writer.write(&records).unwrap();
    writer.close().unwrap();
    let made = file("a.parquet", bytes);
    assert_error(open(&mut source(&made)), ErrorClass::Usage, &["two columns are named `id`"]);
}
