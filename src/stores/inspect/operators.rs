//! The stages and operators of MongoDB that a check's pipeline may use: known to read only and to run no code of the
//! user's. This is the one table of them; `docs/check-safety.md` shows it.
//!
//! What is not listed is refused, at any depth: `$out` and `$merge` write, `$function`, `$accumulator` and `$where` run
//! JavaScript, names that begin with `$_internal` are the server's own, `$currentOp` and the like show other people's work.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Stages.
const STAGES: &str = "\
    $addFields $bucket $bucketAuto $count $densify $documents $facet $fill $geoNear $graphLookup $group $limit $lookup \
    $match $project $redact $replaceRoot $replaceWith $sample $set $setWindowFields $skip $sort $sortByCount $unionWith \
    $unset $unwind";

/// Query operators, expressions, accumulators and window operators.
const OPERATORS: &str = "\
    $eq $gt $gte $in $lt $lte $ne $nin $and $not $nor $or $exists $type $expr $jsonSchema $mod $regex $options $text \
    $search $language $caseSensitive $diacriticSensitive $all $elemMatch $size $bitsAllClear $bitsAllSet $bitsAnyClear \
    $bitsAnySet $geoIntersects $geoWithin $geometry $near $nearSphere $maxDistance $minDistance $box $center \
    $centerSphere $polygon $comment $rand $sampleRate $slice $meta \
    $abs $acos $acosh $add $asin $asinh $atan $atan2 $atanh $avg $bitAnd $bitNot $bitOr $bitXor $ceil $cos $cosh \
    $degreesToRadians $divide $exp $floor $ln $log $log10 $multiply $pow $radiansToDegrees $round $sigmoid $sin $sinh \
    $sqrt $subtract $sum $tan $tanh $trunc $sign \
    $arrayElemAt $arrayToObject $concatArrays $filter $first $firstN $indexOfArray $isArray $last $lastN $map $maxN $minN \
    $objectToArray $range $reduce $reverseArray $sortArray $zip $setDifference $setEquals $setIntersection $setIsSubset \
    $setUnion $allElementsTrue $anyElementTrue \
    $cmp $cond $ifNull $switch $let $literal $getField $setField $unsetField $mergeObjects $binarySize $bsonSize \
    $concat $indexOfBytes $indexOfCP $ltrim $regexFind $regexFindAll $regexMatch $replaceAll $replaceOne $rtrim $split \
    $strLenBytes $strLenCP $strcasecmp $substr $substrBytes $substrCP $toLower $toUpper $trim \
    $convert $isNumber $toBool $toDate $toDecimal $toDouble $toInt $toLong $toObjectId $toString $toUUID $toHashedIndexKey \
    $dateAdd $dateDiff $dateFromParts $dateFromString $dateSubtract $dateToParts $dateToString $dateTrunc $dayOfMonth \
    $dayOfWeek $dayOfYear $hour $isoDayOfWeek $isoWeek $isoWeekYear $millisecond $minute $month $second $week $year \
    $tsIncrement $tsSecond \
    $addToSet $bottom $bottomN $count $max $median $min $percentile $push $stdDevPop $stdDevSamp $top $topN \
    $covariancePop $covarianceSamp $denseRank $derivative $documentNumber $expMovingAvg $integral $linearFill $locf \
    $minMaxScaler $rank $shift $each";

/// Names that are often tried, and what they would do.
const REASONS: &[(&str, &str)] = &[
    ("$out", "writes a collection"),
    ("$merge", "writes a collection"),
    ("$function", "runs JavaScript on the server"),
    ("$accumulator", "runs JavaScript on the server"),
    ("$where", "runs JavaScript on the server"),
    ("$changeStream", "waits for changes without end"),
    ("$changeStreamSplitLargeEvent", "waits for changes without end"),
    ("$currentOp", "shows other people's work"),
    ("$listSessions", "shows other people's sessions"),
    ("$listLocalSessions", "shows other people's sessions"),
    ("$collStats", "shows how the server works, not what it holds"),
    ("$indexStats", "shows how the server works, not what it holds"),
    ("$planCacheStats", "shows how the server works, not what it holds"),
];

type Words = LazyLock<HashSet<&'static str>>;

static STAGE_SET: Words = LazyLock::new(|| STAGES.split_whitespace().collect());
static OPERATOR_SET: Words = LazyLock::new(|| OPERATORS.split_whitespace().collect());

fn sorted(set: &HashSet<&'static str>) -> Vec<&'static str> {
    let mut names: Vec<&str> = set.iter().copied().collect();
    names.sort_unstable();
    names
}

/// The stages that a check's pipeline may have, sorted.
pub fn stages() -> Vec<&'static str> {
    sorted(&STAGE_SET)
}

/// The operators that a check's pipeline may use, sorted.
pub fn operators() -> Vec<&'static str> {
    sorted(&OPERATOR_SET)
}

pub(super) fn is_stage(name: &str) -> bool {
    STAGE_SET.contains(name)
}

pub(super) fn is_operator(name: &str) -> bool {
    OPERATOR_SET.contains(name)
}

/// Why a name is known to be harmful.
pub(super) fn reason(name: &str) -> Option<&'static str> {
    if name.starts_with("$_") {
        return Some("is the server's own, and not for queries");
    }
    REASONS.iter().find(|(known, _)| *known == name).map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_reason_against_it_is_in_no_list() {
        for (name, _) in REASONS {
            assert!(!is_stage(name) && !is_operator(name), "{name}");
        }
        for list in [STAGES, OPERATORS] {
            let mut names: Vec<_> = list.split_whitespace().collect();
            names.sort_unstable();
            let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
            assert!(twice.is_empty(), "{twice:?}");
        }
    }
}
