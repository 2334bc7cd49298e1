using Microsoft.AspNetCore.Http.HttpResults;

namespace OpsPlatform.Gateway.ApiKeys;

/// <summary>Answers by the hash of their key, each good equally long: the oldest ends first, and is dropped without a search. Not safe for use at once.</summary>
internal sealed class KeptAnswers(int max, TimeSpan keptFor)
{
    private readonly Dictionary<string, (string? Token, ProblemHttpResult? Refusal, DateTimeOffset Until)> answers = [];
    private readonly Queue<(string Hash, DateTimeOffset Until)> oldestFirst = [];

    public (string? Token, ProblemHttpResult? Refusal)? Find(string hash, DateTimeOffset now) =>
        answers.TryGetValue(hash, out var kept) && kept.Until > now ? (kept.Token, kept.Refusal) : null;

    public void Keep(string hash, string? token, ProblemHttpResult? refusal, DateTimeOffset now)
    {
        var until = now + keptFor;
        answers[hash] = (token, refusal, until);
        oldestFirst.Enqueue((hash, until));

        while (oldestFirst.TryPeek(out var oldest) && (oldest.Until <= now || oldestFirst.Count > max))
        {
            oldestFirst.Dequeue();

            // It may have been kept anew since.
            if (answers.TryGetValue(oldest.Hash, out var kept) && kept.Until == oldest.Until)
            {
                answers.Remove(oldest.Hash);
            }
        }
    }
}
