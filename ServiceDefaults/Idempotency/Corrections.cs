using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.ServiceDefaults.Idempotency;

/// <summary>Keeps final answers for those that were kept before they were known; the busier it is, the more at once.</summary>
internal sealed class Corrections(ServiceDatabase database)
{
    private const int MostAtOnce = 200;

    private readonly OrganisationGathering<(RequestKey Key, KeptAnswer Answer)> _gathering =
        new(MostAtOnce, (org, answers) => AnswerTable.Correct(database.App, org, answers));

    public Task Put(RequestKey key, KeptAnswer answer) => _gathering.Do(key.Org, (key, answer));
}
