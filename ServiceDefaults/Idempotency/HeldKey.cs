using System.Data.Common;
using Microsoft.AspNetCore.Http;
using Npgsql;

namespace OpsPlatform.ServiceDefaults.Idempotency;

/// <summary>The key of one of several requests whose work shares a transaction.</summary>
public sealed class HeldKey
{
    private readonly KeyedRequest.Work _work;

    internal HeldKey(KeyedRequest.Work work) => _work = work;

    /// <summary>Takes the keys until the transaction ends: to be read by <see cref="ReadTaken"/> before what follows in the batch.</summary>
    /// <param name="keys">At least one.</param>
    public static void AddTake(NpgsqlBatch batch, IReadOnlyList<HeldKey> keys) => AnswerTable.AddTake(batch, [.. keys.Select(key => key._work.Key)]);

    /// <returns>For each key whose work is not to be done, the answer instead.</returns>
    public static async Task<IReadOnlyDictionary<HeldKey, KeyAnswer>> ReadTaken(DbDataReader row, IReadOnlyList<HeldKey> keys, CancellationToken cancel)
    {
        var answers = await AnswerTable.ReadTaken(row, [.. keys.Select(key => key._work.Key)], cancel);
        return keys.Where(key => answers.ContainsKey(key._work.Key)).ToDictionary(key => key, key => answers[key._work.Key]);
    }

    /// <summary>Adds the answers to the transaction's last batch; what it returns is to be called once that is committed.</summary>
    public static async Task<Action> AddKeep(NpgsqlBatch batch, IEnumerable<(HeldKey Key, IResult Result)> results)
    {
        List<(KeyedRequest.Work Work, KeptAnswer Answer)> kept = [];
        foreach (var (key, result) in results)
        {
            if (await key._work.Render(result) is { IsWorthKeeping: true } answer)
            {
                kept.Add((key._work, answer));
            }
        }

        if (kept.Count > 0)
        {
            batch.BatchCommands.Add(AnswerTable.Keep([.. kept.Select(x => (x.Work.Key, x.Answer))]));
        }

        return () => kept.ForEach(x => x.Work.Kept(x.Answer));
    }
}
